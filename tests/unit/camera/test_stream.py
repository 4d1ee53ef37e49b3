"""The stream of picamera2: which of its frames is taken, and when it is started anew."""

from collections import deque
from dataclasses import dataclass, field

import pytest

from cinepi.camera.backends.picamera2.stream import Stream
from cinepi.errors import DeadlineError
from cinepi.exposure.contract import Exposure
from tests.unit.camera.bench import MovingClock

LATE = 4
"""Frames from the setting of a control to the first that shows it."""
QUICK = Exposure(shutter_us=10_000, gain=2.0)


@dataclass
class Request:
    """One frame of the pipeline."""

    metadata: dict[str, object]
    is_released: bool = False

    def get_metadata(self) -> dict[str, object]:
        """As picamera2 has it."""
        return self.metadata

    def release(self) -> None:
        """As picamera2 has it."""
        self.is_released = True


@dataclass
class Pipeline:
    """Stands for picamera2 and a sensor whose frames follow one another without a pause.

    What is set while it stands still holds from its first frame, what is set while it runs from the
    fourth on. Time passes with each frame, and no other way.
    """

    clock: MovingClock
    obeys: bool = True
    is_silent: bool = False
    started: bool = False
    starts: int = 0
    requests: list[Request] = field(default_factory=list)
    camera_controls: dict[str, tuple[int, int, int]] = field(
        default_factory=lambda: {"ExposureTime": (1, 10**9, 1), "AnalogueGain": (1, 16, 1)}
    )
    _next: dict[str, float] = field(default_factory=dict)
    _coming: deque[dict[str, float]] = field(default_factory=deque)
    _auto: int = 0

    def set_controls(self, controls: dict[str, float]) -> None:
        """As picamera2 has it."""
        self._next = {**self._next, **controls}
        if self.obeys:
            self._coming.append(self._next)

    def start(self) -> None:
        """As picamera2 has it."""
        self.started = True
        self.starts += 1
        self._auto = 0
        self._coming = deque([self._next] * (LATE + 1))

    def stop(self) -> None:
        """As picamera2 has it."""
        self.started = False

    def cancel_all_and_flush(self) -> None:
        """As picamera2 has it."""

    def capture_request(self, *, wait: bool) -> "Pipeline":
        """As picamera2 has it."""
        assert not wait
        return self

    def get_result(self, timeout: float) -> Request:
        """The next frame; time goes on until it is there."""
        if self.is_silent:
            self.clock.offset += timeout
            raise TimeoutError
        while len(self._coming) < LATE + 1:
            self._coming.append(self._coming[-1])
        controls = self._coming.popleft()
        exposure_us = controls["ExposureTime"] or 33_000
        self._auto += 1
        self.clock.offset += exposure_us / 1e6
        request = Request(
            {
                "SensorTimestamp": round(1e9 * self.clock.monotonic()),
                "ExposureTime": round(exposure_us),
                "AnalogueGain": controls["AnalogueGain"] or 1.5,
                "AeState": 1 if controls["ExposureTime"] == 0 and self._auto < 3 else 2,
            }
        )
        self.requests.append(request)
        return request


@pytest.fixture
def clock() -> MovingClock:
    """A clock that frames move on."""
    return MovingClock()


@pytest.fixture
def pipeline(clock: MovingClock) -> Pipeline:
    """A sensor behind picamera2, standing still."""
    return Pipeline(clock)


@pytest.fixture
def stream(pipeline: Pipeline, clock: MovingClock) -> Stream:
    """A stream with nothing but exposures to set."""
    stream = Stream(pipeline, clock)
    stream.prepare({})
    return stream


def taken(stream: Stream, clock: MovingClock, exposure: Exposure) -> dict[str, object]:
    """The metadata of the frame that is taken; the request is given back."""
    asked_at = clock.monotonic()
    request, began = stream.first_of(exposure, asked_at + 100)
    assert began >= asked_at - 0.01
    assert not request.is_released
    request.release()
    metadata: dict[str, object] = request.get_metadata()
    return metadata


def test_first_frame_of_a_stream_has_its_exposure(
    stream: Stream, pipeline: Pipeline, clock: MovingClock
) -> None:
    """What is set before the start needs no waiting."""
    assert taken(stream, clock, QUICK)["ExposureTime"] == 10_000
    assert (len(pipeline.requests), pipeline.starts) == (1, 1)


def test_quick_exposures_change_on_the_running_stream(
    stream: Stream, pipeline: Pipeline, clock: MovingClock
) -> None:
    """The frames that still have the old one go back, and the stream is not stopped."""
    taken(stream, clock, QUICK)
    for exposure_us in (20_000, 5_000, 200_000):
        asked = Exposure(shutter_us=exposure_us, gain=2.0)
        assert taken(stream, clock, asked)["ExposureTime"] == exposure_us
        assert taken(stream, clock, asked)["ExposureTime"] == exposure_us
    assert pipeline.starts == 1
    assert all(request.is_released for request in pipeline.requests)


def test_gain_is_waited_for_as_well(stream: Stream, pipeline: Pipeline, clock: MovingClock) -> None:
    """A frame with the right shutter and the old gain is not the one."""
    taken(stream, clock, QUICK)
    assert taken(stream, clock, Exposure(shutter_us=10_000, gain=4.0))["AnalogueGain"] == 4.0
    assert pipeline.starts == 1


@pytest.mark.parametrize(
    "other", [Exposure(shutter_us=600_000_000, gain=1.0), Exposure(), Exposure(shutter_us=10_000)]
)
def test_long_and_automatic_exposures_start_the_stream_anew(
    stream: Stream, pipeline: Pipeline, clock: MovingClock, other: Exposure
) -> None:
    """On the way there and on the way back: ten minutes are not waited for in vain."""
    taken(stream, clock, QUICK)
    stream.first_of(other, clock.monotonic() + 2000)[0].release()
    began = clock.monotonic()
    taken(stream, clock, QUICK)
    assert pipeline.starts == 3
    assert clock.monotonic() - began < 1


def test_automatic_exposure_is_waited_for_once(
    stream: Stream, pipeline: Pipeline, clock: MovingClock
) -> None:
    """Frames while it searches go back; once it has settled, the next frame is taken."""
    assert taken(stream, clock, Exposure())["AeState"] == 2
    before = len(pipeline.requests)
    taken(stream, clock, Exposure())
    assert len(pipeline.requests) == before + 1


def test_camera_that_does_not_obey_is_not_waited_for_for_long(
    stream: Stream, pipeline: Pipeline, clock: MovingClock
) -> None:
    """After two seconds the next frame is taken as it is, and the one after that at once."""
    taken(stream, clock, QUICK)
    pipeline.obeys = False
    began = clock.monotonic()
    other = Exposure(shutter_us=20_000, gain=2.0)
    assert taken(stream, clock, other)["ExposureTime"] == 10_000
    assert 2.0 < clock.monotonic() - began < 2.2
    before = len(pipeline.requests)
    taken(stream, clock, other)
    assert len(pipeline.requests) == before + 1


def test_silent_camera_is_told(stream: Stream, pipeline: Pipeline, clock: MovingClock) -> None:
    """A dead sensor shows by silence alone, and never beyond the limit."""
    pipeline.is_silent = True
    began = clock.monotonic()
    with pytest.raises(DeadlineError, match="silent"):
        stream.first_of(QUICK, began + 7)
    assert clock.monotonic() - began == pytest.approx(7, abs=0.5)


def test_restart_has_the_exposure_that_was_asked_for_last(
    stream: Stream, pipeline: Pipeline, clock: MovingClock
) -> None:
    """The first frame after it is the right one."""
    taken(stream, clock, QUICK)
    stream.stop()
    stream.start()
    assert taken(stream, clock, QUICK)["ExposureTime"] == 10_000
    assert (len(pipeline.requests), pipeline.starts) == (2, 2)
