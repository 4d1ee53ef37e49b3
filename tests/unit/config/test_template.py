import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cinepi.config.parse import parse_config
from cinepi.config.template import as_text, spelled
from cinepi.features import Feature, features_of
from cinepi.model.settings import CameraSettings, CaptureSettings, Config
from cinepi.strictyaml import load

_TEXT = Feature(key="k", name="K", help="K.", kind="text")


def test_the_file_says_what_it_was_made_from() -> None:
    """A written file parses to the configuration that it was written from."""
    config = Config(
        camera=CameraSettings(noise_reduction="off", ev=-0.1, shutter_us=250_000_000),
        capture=CaptureSettings(interval=2.5),
    )
    assert parse_config(as_text(config), source="f") == config


def test_each_key_is_explained_above_it() -> None:
    """Every key stands below its name, its help, its range with unit, and its default."""
    lines = as_text(Config()).splitlines()
    for section in msgspec.structs.fields(Config):
        for feature in features_of(type(section.default)):
            place = next(n for n, line in enumerate(lines) if line.startswith(f"  {feature.key}: "))
            above = " ".join(line.strip("# ") for line in lines[place - 4 : place])
            assert feature.name in above
            assert feature.help in above
            assert "default " in above
    assert "  # whole number, 100 to 600000000 µs; default 10000" in lines
    assert "  # centre | spot | matrix; default centre" in lines


def test_lines_fit_a_terminal() -> None:
    """No line of the file is wider than 100 columns."""
    assert max(map(len, as_text(Config()).splitlines())) <= 100


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("auto", "auto"),
        ("4056x3040", "4056x3040"),
        ("off", '"off"'),
        ("null", '"null"'),
        ("1e5", '"1e5"'),
        ("0x10", '"0x10"'),
        ("a: b # c\n", r'"a: b # c\n"'),
        ("", '""'),
        (True, "true"),
        (30.0, "30.0"),
        (0.00001, "0.00001"),
        (7, "7"),
    ],
)
def test_values_are_spelled_for_every_reader(value: object, text: str) -> None:
    """What YAML 1.1 or 1.2 could take for something else is quoted or written out."""
    assert spelled(value, _TEXT) == text


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
    | st.sampled_from(["yes", "~", "=", "<<", "1:30", "2026-01-01", "0o7", ".inf", "-"])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.integers(-(10**12), 10**12)
)
def test_old_and_new_yaml_agree(value: object) -> None:
    """Every spelled value reads as itself, here and in a YAML 1.1 reader."""
    text = f"k: {spelled(value, _TEXT)}\n"
    assert load(text, source="f").value == {"k": value}
    assert yaml.safe_load(text) == {"k": value}
