import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cinepi.clock import Clock
from cinepi.config import store
from cinepi.config.load import Known, load, recover
from cinepi.config.parse import read_config
from cinepi.config.template import as_text
from cinepi.errors import ConflictError
from cinepi.model.settings import CameraSettings, Config
from cinepi.paths import Layout

_GOOD = "camera:\n  iso: 400\n"
_BROKEN_NAME = "cinepi.yaml.broken-20261123_093000"


def test_a_missing_file_becomes_the_defaults(layout: Layout, clock: Clock) -> None:
    """The first start makes the folder and a commented file, and that is no recovery."""
    loaded = load(layout, clock)
    assert loaded.reading.config == Config()
    assert loaded.recovery is None
    assert layout.config.read_text() == loaded.reading.text == as_text(Config())
    assert load(layout, clock) == loaded


def test_a_valid_file_is_left_alone(layout: Layout, clock: Clock) -> None:
    """A file that can be read is taken as it is, line ends and all."""
    layout.config.parent.mkdir(parents=True)
    layout.config.write_bytes(_GOOD.replace("\n", "\r\n").encode())
    loaded = load(layout, clock)
    assert loaded.reading.config == Config(camera=CameraSettings(iso=400))
    assert loaded.reading.text == _GOOD.replace("\n", "\r\n")
    assert loaded.digest == store.digest(loaded.reading.text)


def test_a_broken_file_gives_way_to_the_newest_valid_copy(layout: Layout, clock: Clock) -> None:
    """What was broken is kept beside it, and what was wrong is told."""
    store.write(layout, _GOOD)
    copy = store.back_up(layout, clock)
    store.write(layout, "camera: [")
    store.back_up(layout, clock)  # newer, and broken
    loaded = load(layout, clock)
    assert loaded.reading.text == layout.config.read_text() == _GOOD
    assert loaded.recovery is not None
    assert loaded.recovery.source == copy
    assert loaded.recovery.reason == (
        "cinepi.yaml:1:10: expected the node content, but found '<stream end>'"
    )
    assert loaded.recovery.kept_as == _BROKEN_NAME
    assert (layout.config.parent / _BROKEN_NAME).read_text() == "camera: ["
    assert load(layout, clock).recovery is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cinepi.yaml is empty"),
        (b"\0" * 4096, "cinepi.yaml is no text"),
        (b"\xff\xfec\0a\0m\0", "cinepi.yaml is not UTF-8 text"),
        (b"#" * 70_000, "has more than the 65536 bytes"),
        (b"camera: [", "cinepi.yaml:1:10: "),
        (b"camera: &a {iso: 400}\n", "cinepi.yaml:1:9: anchors"),
    ],
)
def test_any_damage_is_survived(layout: Layout, clock: Clock, content: bytes, reason: str) -> None:
    """Without a copy the defaults are taken, and the damaged file is kept as it was."""
    layout.config.parent.mkdir(parents=True)
    layout.config.write_bytes(content)
    loaded = load(layout, clock)
    assert loaded.reading.config == Config()
    assert loaded.recovery is not None
    assert reason in loaded.recovery.reason
    assert loaded.recovery.source == "defaults"
    assert (layout.config.parent / _BROKEN_NAME).read_bytes() == content


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=120) | st.text(max_size=80).map(str.encode))
def test_garbage_never_keeps_the_service_down(tmp_path: Path, clock: Clock, data: bytes) -> None:
    """Whatever the file holds, a valid configuration is in force and on disk afterwards."""
    layout = Layout(tmp_path)
    layout.config.parent.mkdir(parents=True, exist_ok=True)
    layout.config.write_bytes(data)
    loaded = load(layout, clock)
    assert read_config(store.read(layout), source="f").config == loaded.reading.config
    assert loaded.recovery is not None or loaded.reading.text.encode() == data


@pytest.mark.parametrize(
    ("known", "iso", "said"),
    [
        (
            Known("camera: {iso: 800}", Config(camera=CameraSettings(iso=800))),
            800,
            "in force is the last configuration",
        ),
        (Known(), 100, "the defaults are in force"),
    ],
)
def test_a_file_that_may_not_be_read_is_not_broken(
    nobody: Layout, clock: Clock, known: Known, iso: int, said: str
) -> None:
    """It stays where it is, what was in force last holds, and the reason says whose it is."""
    store.write(nobody, _GOOD)
    nobody.config.chmod(0)
    loaded = load(nobody, clock, known)
    assert loaded.recovery is None
    assert loaded.reading.config.camera.iso == iso
    assert loaded.trouble is not None
    assert "Permission denied; the mode of" in loaded.trouble
    assert said in loaded.trouble
    assert [path.name for path in nobody.config.parent.iterdir()] == ["cinepi.yaml"]


def test_a_folder_that_cannot_be_written_keeps_nobody_down(nobody: Layout, clock: Clock) -> None:
    """Read-only is fine while there is nothing to write, and else the last configuration holds."""
    store.write(nobody, _GOOD)
    nobody.config.parent.chmod(0o555)
    try:
        assert load(nobody, clock).reading.text == _GOOD
        nobody.config.write_text("camera: [")
        loaded = load(nobody, clock, Known(_GOOD, Config(camera=CameraSettings(iso=400))))
        assert loaded.reading.config.camera.iso == 400
        assert loaded.trouble is not None
        assert re.search(r"the mode of .*config does not allow it", loaded.trouble)
        assert nobody.config.read_text() == "camera: ["
    finally:
        nobody.config.parent.chmod(0o755)


def test_a_link_to_a_broken_file_stays_a_link(layout: Layout, clock: Clock, tmp_path: Path) -> None:
    """Where cinepi.yaml is a link, the file that it names is replaced and kept."""
    real = tmp_path / "mine.yaml"
    real.write_text("camera: [")
    layout.config.parent.mkdir(parents=True)
    layout.config.symlink_to(real)
    loaded = load(layout, clock)
    assert layout.config.is_symlink()
    assert loaded.recovery is not None
    assert loaded.recovery.kept_as == "mine.yaml.broken-20261123_093000"
    assert real.read_text() == loaded.reading.text


def test_a_link_that_leads_to_itself_is_an_error(layout: Layout, clock: Clock) -> None:
    """A link that can never be read is named, and is for a person to mend."""
    layout.config.parent.mkdir(parents=True)
    layout.config.symlink_to(layout.config)
    with pytest.raises(ConflictError, match=r"cannot read .*cinepi\.yaml: Too many levels"):
        load(layout, clock)


def test_a_folder_in_place_of_the_file_is_an_error(layout: Layout, clock: Clock) -> None:
    """A folder is never moved away by itself."""
    layout.config.mkdir(parents=True)
    with pytest.raises(ConflictError, match="is a folder, not a file; move it away"):
        load(layout, clock)


def test_recovery_of_a_missing_file_keeps_nothing(layout: Layout, clock: Clock) -> None:
    """Where there is no file, none is kept, and the recovery says so."""
    loaded = recover(layout, clock, "asked for")
    assert loaded.recovery is not None
    assert (loaded.recovery.kept_as, loaded.recovery.reason) == (None, "asked for")
    assert layout.config.read_text() == as_text(Config())
