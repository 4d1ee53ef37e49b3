"""A clock in the hands of a test, a journal, and a shutter whose thread is the test's own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from cinepi.camera.camera import Camera
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.clock import Clock
from cinepi.errors import StorageFullError
from cinepi.journal.journal import Journal
from cinepi.model.documents import CameraDocument, SessionDocument
from cinepi.model.settings import CameraSettings, CaptureSettings, Config
from cinepi.paths import Layout
from cinepi.protocol import StartParams
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.shutter import Shutter

WALL = 1_800_000_000.0


class HandClock:
    """Clocks that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.offset = WALL - 1000.0
        self.is_set = True

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self.now + self.offset

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.now

    def is_synced(self) -> bool:
        """See `Clock.is_synced`."""
        return self.is_set


@pytest.fixture
def clock() -> HandClock:
    """The time."""
    return HandClock()


@pytest.fixture
def journal(tmp_path: Path, clock: HandClock) -> Iterator[Journal]:
    """An empty journal."""
    journal = Journal(tmp_path / "journal.db", clock=clock, boot="0badcafe")
    yield journal
    journal.close()


class SlowCamera(Camera):
    """A simulated camera that needs time to be set up, on the clock of the test."""

    clock: HandClock
    set_up_takes = 0.0
    set_ups = 0
    exposure_mode: str | None = None

    def document(self) -> CameraDocument:
        """See `Camera.document`; with a mode that the settings did not know when they were made."""
        found = super().document()
        if self.exposure_mode is None:
            return found
        settings = msgspec.structs.replace(found.settings, exposure_mode=self.exposure_mode)
        return msgspec.structs.replace(found, settings=settings)

    def apply(self, settings: CameraSettings) -> None:
        """See `Camera.apply`."""
        self.set_ups += 1
        self.clock.now += self.set_up_takes
        super().apply(settings)


class NoRoom:
    """A disk that is never full."""

    def handle_full(self, error: StorageFullError) -> bool:
        """See `Storage.handle_full`."""
        raise AssertionError(error)


CONFIG = Config(
    camera=CameraSettings(backend="simulated", resolution="640x480"),
    capture=CaptureSettings(reserve_mb=16),
)


@dataclass
class Darkroom:
    """All that a shutter needs, and the test as its thread."""

    layout: Layout
    clock: HandClock
    journal: Journal
    config: Config = CONFIG
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock: Clock = self.clock
        self.keeper = SessionKeeper(self.journal, clock, on_change=lambda: None)
        self.camera = SlowCamera(
            self.config.camera,
            layout=self.layout,
            clock=clock,
            on_change=lambda: None,
            on_event=lambda _: None,
            give_up=self.done.append,
        )
        self.camera.clock = self.clock
        self.taker = Taker(self.camera, Store(self.layout.captures, clock), self.journal, clock)
        self.shutter = Shutter(
            keeper=self.keeper,
            camera=self.camera,
            taker=self.taker,
            storage=NoRoom(),
            clock=clock,
            config=lambda: self.config,
        )
        self.camera.open()

    def start(self, **params: object) -> SessionDocument:
        """Begin a session."""
        return self.keeper.start(msgspec.convert(params, StartParams), 10.0, None)

    def turn(self) -> float:
        """Do everything that is due now; returns how long the thread would sleep then."""
        while True:
            errand, wait = self.shutter.next_errand()
            if errand is None:
                return wait
            errand.run()

    def until(self, moment: float, *, each: Callable[[], object] = lambda: None) -> None:
        """Let the thread live until `moment`, and something be done whenever it has woken up."""
        while self.clock.now < moment:
            wait = self.turn()
            assert wait > 0, "a thread that does not sleep spins"
            self.clock.now = min(moment, max(self.clock.now + wait, self.clock.now + 1e-6))
            each()


@pytest.fixture
def darkroom(tmp_path: Path, clock: HandClock, journal: Journal) -> Iterator[Darkroom]:
    """A simulated camera with everything around it."""
    darkroom = Darkroom(Layout(tmp_path), clock, journal)
    yield darkroom
    darkroom.camera.close()
