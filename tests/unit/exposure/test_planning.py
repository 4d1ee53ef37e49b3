"""One file is one exposure mode, and what it remembers is its own."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cinepi.errors import InvalidArgumentError
from cinepi.exposure import modes
from cinepi.exposure.contract import Exposure, Reading
from cinepi.exposure.planning import exposure_modes, learned, planned
from cinepi.features import features_of
from cinepi.model.settings import CameraSettings

RAMP = '''
"""A toy: follows the light, half of the way with each picture."""

from cinepi.exposure.contract import Exposure, ExposureMode, Memory


class Light(Memory):
    scene_ev: float = 8.0
    pictures: int = 0


class Mode(ExposureMode[Light]):
    memory = Light

    def plan(self, memory, settings, at):
        return (Exposure(shutter_us=round(1e6 * 2.0**-memory.scene_ev), gain=1.0),)

    def learn(self, memory, reading):
        if reading.exposure_ev is None:
            return memory
        seen = reading.level_ev - reading.exposure_ev
        half = (memory.scene_ev + seen) / 2
        return Light(scene_ev=half, pictures=memory.pictures + 1)
'''
BRACKET = '''
"""Two exposures for each slot, two stops apart."""

from cinepi.exposure.contract import Exposure, ExposureMode, Memory


class Mode(ExposureMode[Memory]):
    def plan(self, memory, settings, at):
        short = settings.shutter_us
        return tuple(Exposure(shutter_us=us, gain=1.0) for us in (short, 4 * short))
'''
BROKEN = '''
"""Fails at every turn."""

from cinepi.exposure.contract import ExposureMode, Memory


class Light(Memory):
    seen: int = 0


class Mode(ExposureMode[Light]):
    memory = Light

    def plan(self, memory, settings, at):
        return 1 / 0

    def learn(self, memory, reading):
        return 1 / 0
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Three more files beside the modes of the product."""
    for name, text in (("ramp_toy", RAMP), ("bracket_toy", BRACKET), ("broken_toy", BROKEN)):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(modes, "__path__", [*modes.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield tmp_path
    for name in ("ramp_toy", "bracket_toy", "broken_toy"):
        sys.modules.pop(f"{modes.__name__}.{name}", None)


def settings(mode: str) -> CameraSettings:
    """Those of a mode, with a shutter of 1 ms."""
    return CameraSettings(exposure_mode=mode, shutter_us=1000, iso=200, gain=2.0)


def read(level_ev: float, exposure_ev: float | None) -> Reading:
    """A reading of the light."""
    return Reading(asked=Exposure(), level_ev=level_ev, exposure_ev=exposure_ev, began_at=0.0)


def test_every_mode_plans_at_least_one_exposure() -> None:
    """Each is pure, needs no memory, and is one of the setting's choices."""
    for name in exposure_modes():
        assert planned(settings(name), None, 0.0) == planned(settings(name), None, 0.0)
        assert len(planned(settings(name), None, 0.0)) >= 1
    (feature,) = (one for one in features_of(CameraSettings) if one.key == "exposure_mode")
    assert feature.choices == exposure_modes()


def test_camera_decides_or_the_settings_do() -> None:
    """Nothing is asked for in the one mode; shutter, and ISO times gain, in the other."""
    assert planned(settings("auto"), None, 0.0) == (Exposure(),)
    assert planned(settings("manual"), None, 0.0) == (Exposure(shutter_us=1000, gain=4.0),)
    for name in ("auto", "manual"):
        assert learned(settings(name), None, [read(1.0, 2.0)]) is None


def test_mode_that_does_not_exist_is_refused_with_the_list() -> None:
    """A setting never has such a value; whoever makes one up hears what there is."""
    with pytest.raises(InvalidArgumentError, match="auto, manual"):
        planned(settings("gremlins"), None, 0.0)


@pytest.mark.usefixtures("folder")
def test_two_exposures_are_a_bracket() -> None:
    """A file more is a mode more, and may ask for several pictures of one slot."""
    assert "bracket_toy" in exposure_modes()
    assert [one.shutter_us for one in planned(settings("bracket_toy"), None, 0.0)] == [1000, 4000]


@pytest.mark.usefixtures("folder")
def test_memory_moves_with_the_light() -> None:
    """A mode plans from what it has learned, which survives as JSON."""
    mode = settings("ramp_toy")
    saved = None
    assert planned(mode, saved, 0.0)[0].shutter_us == round(1e6 / 256)
    for scene in (6.0, 6.0):
        saved = learned(mode, saved, [read(0.0, -scene)])
        assert saved is not None
        saved = msgspec.Raw(bytes(saved))  # as it comes back from the disk
    assert planned(mode, saved, 0.0)[0].shutter_us == pytest.approx(1e6 * 2**-6.5, abs=1)
    saved = learned(mode, saved, [read(0.0, None), read(0.0, -6.5)])
    assert saved is not None
    assert json.loads(bytes(saved)) == {
        "mode": "ramp_toy",
        "memory": {"scene_ev": 6.5, "pictures": 3},
    }


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "saved",
    [
        b'{"mode": "other", "memory": {"scene_ev": 2.0}}',
        b'{"mode": "ramp_toy", "memory": {"scene_ev": "dark"}}',
        b'{"mode": "ramp_toy", "memory": [1, 2]}',
        b'{"mode": "ramp_toy"}',
        b'{"mode": "ramp_toy", "memory": {"scene_ev": 2.',
        b"7",
        b"\xff",
    ],
)
def test_memory_that_is_not_understood_is_begun_anew(saved: bytes) -> None:
    """That of another mode, of another version, or spoilt on the disk."""
    mode = settings("ramp_toy")
    assert planned(mode, msgspec.Raw(saved), 0.0) == planned(mode, None, 0.0)
    readings = [read(0.0, -6.0)]
    assert learned(mode, msgspec.Raw(saved), readings) == learned(mode, None, readings)
    assert planned(settings("manual"), msgspec.Raw(saved), 0.0)[0].shutter_us == 1000


@pytest.mark.usefixtures("folder")
def test_mode_that_fails_costs_no_picture() -> None:
    """The camera decides, and the memory is begun anew."""
    saved = msgspec.Raw(b'{"mode": "broken_toy", "memory": {"seen": 3}}')
    assert planned(settings("broken_toy"), saved, 0.0) == (Exposure(),)
    assert learned(settings("broken_toy"), saved, [read(0.0, 0.0)]) is None


def test_another_file_is_another_choice_everywhere(folder: Path) -> None:
    """The check of the configuration, its schema and every camera's features follow the folder.

    The command line and Home Assistant are made from these.
    """
    asked = f"""
import json
from cinepi.exposure import modes
modes.__path__.append({str(folder)!r})
from cinepi.camera.backends.picamera2 import controls
from cinepi.camera.backends.simulated.backend import Backend
from cinepi.check import parse
from cinepi.clock import SystemClock
from cinepi.config.schema import json_schema
from cinepi.model.settings import CameraSettings
from cinepi.paths import Layout

def choices(features):
    return next(one.choices for one in features if one.key == "exposure_mode")

wide = {{"ExposureTime": (1, 9, 1), "AnalogueGain": (1, 9, 1)}}
print(json.dumps([
    parse(CameraSettings, {{"exposure_mode": "ramp_toy"}}).exposure_mode,
    choices(Backend(Layout.find(None), SystemClock()).open().features),
    choices(controls.features(wide, ["640x480"], can_rotate=False)),
    json.dumps(json_schema()),
]))
"""
    done = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True
    ).stdout
    parsed, simulated, real, schema = json.loads(done)
    known = list(exposure_modes())
    assert (parsed, simulated, real) == ("ramp_toy", known, known)
    assert json.dumps(known) in schema
