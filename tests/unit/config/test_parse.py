import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.check import parse
from cinepi.config.parse import nearest, parse_config, read_config
from cinepi.errors import CinepiError, InvalidArgumentError
from cinepi.model.settings import CameraSettings, CaptureSettings, Config


def test_the_documented_example_is_read() -> None:
    """A file with a few keys in three sections has defaults for the rest."""
    text = (
        "camera:\n  exposure_mode: auto\n  iso: 400\n  gain: 2.0\n  resolution: 4056x3040\n"
        "capture:\n  interval: 30\n  output_format: jpg\n  quality: 95\n"
        "system:\n  log_level: info\n  backup_enabled: true\n"
    )
    assert parse_config(text, source="cinepi.yaml") == Config(
        camera=CameraSettings(iso=400, gain=2.0)
    )


def test_off_is_a_word() -> None:
    """`noise_reduction: off` means off, though YAML 1.1 would make it false."""
    config = parse_config("camera: {noise_reduction: off}", source="cinepi.yaml")
    assert config.camera.noise_reduction == "off"


_INTERVAL_PROBLEM = (
    'cinepi.yaml:6:13: interval must be a number between 1 and 3600, not "1:30" '
    "(write one plain number, such as 90 for 1:30)"
)


def test_all_problems_come_at_once_with_their_lines() -> None:
    """One error lists every mistake with line, column, what is allowed and a hint."""
    text = (
        "camera:\n  iso: 1600\n  metering: no\n  isoo: 100\n"
        "capture:\n  interval: 1:30\nsystem:\n  backup_enabled: yes\n"
    )
    with pytest.raises(InvalidArgumentError) as caught:
        parse_config(text, source="cinepi.yaml")
    assert [tuple(problem) for problem in caught.value.problems] == [
        (
            "/camera/iso",
            "cinepi.yaml:2:8: iso must be a whole number between 100 and 800, not 1600",
        ),
        (
            "/camera/metering",
            'cinepi.yaml:3:13: metering must be one of centre, matrix, spot, not "no"',
        ),
        ("/camera/isoo", 'cinepi.yaml:4:9: "isoo" is unknown; did you mean iso?'),
        (
            "/capture/interval",
            _INTERVAL_PROBLEM,
        ),
        (
            "/system/backup_enabled",
            'cinepi.yaml:8:19: backup_enabled must be true or false, not "yes"',
        ),
    ]


@pytest.mark.parametrize("text", ["# nothing but words\n", "camera:\n  # iso: 400\n", "{}", "---"])
def test_what_is_left_out_has_its_default(text: str) -> None:
    """A file of comments, and a section whose keys are all commented out, are fine."""
    assert parse_config(text, source="cinepi.yaml") == Config()


@pytest.mark.parametrize("text", ["", " \n\r\n", "\ufeff"])
def test_an_empty_file_is_damaged(text: str) -> None:
    """An empty file is what a power cut leaves, and no choice of defaults."""
    with pytest.raises(InvalidArgumentError, match=r"cinepi\.yaml is empty"):
        parse_config(text, source="cinepi.yaml")


def test_an_editor_of_another_system_is_fine() -> None:
    """A byte order mark and CRLF line ends are read."""
    text = "\ufeffcapture:\r\n  interval: 5\r\n"
    assert parse_config(text, source="f") == Config(capture=CaptureSettings(interval=5))


@pytest.mark.parametrize("text", ["- camera", "camera", "camera: [iso]", "camera: iso"])
def test_another_shape_is_explained(text: str) -> None:
    """A list or a text where sections or keys belong is called so."""
    with pytest.raises(InvalidArgumentError, match="must be an object of keys and values"):
        parse_config(text, source="f")


_PIECES = st.sampled_from(
    ["camera:", "\n", "  ", "iso: ", "400", "capture: ", "{", "}", "interval: 5", "#", "off", "\t"]
)


@given(st.text(max_size=80) | st.lists(_PIECES, max_size=14).map("".join))
def test_garbage_is_one_error(text: str) -> None:
    """Whatever the text, the only outcomes are a configuration and an error of ours."""
    try:
        parse_config(text, source="f")
    except CinepiError as error:
        assert str(error).encode()  # noqa: PT017 - either outcome is right


@given(st.text(max_size=80) | st.lists(_PIECES, max_size=14).map("".join))
def test_all_that_is_understood_of_garbage_is_a_configuration(text: str) -> None:
    """What is right as a whole is read the same, and what is not is told."""
    try:
        reading = read_config(text, source="f", before=Config(camera=CameraSettings(iso=400)))
    except CinepiError:
        return
    assert parse(Config, msgspec.to_builtins(reading.config)) == reading.config
    if not reading.problems:
        assert parse_config(text, source="f") == reading.config


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["camera", "iso", "capture", "interval", "x"]), inner)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_values_of_any_version_are_taken_as_far_as_they_go(values: object) -> None:
    """What the journal kept may be of a newer version, or older than some setting."""
    config = nearest(values, Config(camera=CameraSettings(iso=400)))
    assert parse(Config, msgspec.to_builtins(config)) == config
