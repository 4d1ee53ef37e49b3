from typing import Annotated, Literal

import msgspec
import pytest

from cinepi.features import Feature, features_of, plausible_ranges, reading, setting
from cinepi.model.documents import CaptureDocument, SessionDocument
from cinepi.model.exposures import Achieved
from cinepi.model.settings import CameraSettings, Config


class _Lamp(msgspec.Struct, kw_only=True):
    brightness: Annotated[
        int, setting("Brightness", "How bright.", minimum=1, maximum=100, step=1, unit="%")
    ] = 50
    colour: Annotated[Literal["red", "blue"], setting("Colour", "Which.")] = "red"
    is_on: Annotated[bool, setting("On", "Whether.", needs_restart=True)] = False
    ends_at: Annotated[str | None, reading("Ends", "When.", quantity="timestamp")] = None
    warmth: Annotated[float, reading("Warmth", "Of it.", unit="°C")] | None = None
    plain: int = 1


def _by_key(message: type[msgspec.Struct]) -> dict[str, Feature]:
    return {feature.key: feature for feature in features_of(message)}


def test_a_feature_joins_what_the_annotation_and_the_field_say() -> None:
    """Range, unit and words come from the annotation; key, kind and default from the field."""
    assert _by_key(_Lamp)["brightness"] == Feature(
        key="brightness",
        name="Brightness",
        help="How bright.",
        kind="integer",
        writable=True,
        minimum=1,
        maximum=100,
        step=1,
        unit="%",
        default=50,
        place="settings",
    )


def test_kinds_follow_the_types() -> None:
    """Each Python type has its kind, optional or not; a field without words is no feature."""
    kinds = {key: feature.kind for key, feature in _by_key(_Lamp).items()}
    assert kinds == {
        "brightness": "integer",
        "colour": "choice",
        "is_on": "switch",
        "ends_at": "time",
        "warmth": "number",
    }
    assert _by_key(_Lamp)["colour"].choices == ("red", "blue")


def test_readings_are_not_writable() -> None:
    """What the device reports cannot be set, and has no default."""
    assert not any(feature.writable for feature in features_of(SessionDocument))
    assert _by_key(CaptureDocument)["taken_at"].default is None


@pytest.mark.parametrize("section", ["camera", "capture", "system"])
def test_every_setting_is_described(section: str) -> None:
    """Each key of the configuration is a feature with a sentence of help and a default."""
    values = getattr(Config(), section)
    features = _by_key(type(values))
    assert list(features) == list(msgspec.structs.asdict(values))
    for key, feature in features.items():
        assert feature.help.endswith(".")
        assert feature.writable
        assert feature.default == getattr(values, key)


def test_a_camera_narrows_a_range() -> None:
    """Limits of the hardware tighten a feature and never widen it."""
    iso = _by_key(CameraSettings)["iso"]
    narrowed = iso.narrowed(minimum=50, maximum=600)
    assert (narrowed.minimum, narrowed.maximum) == (100, 600)
    assert iso.narrowed() == iso


def test_a_camera_narrows_choices() -> None:
    """Only choices that the feature has remain; free text takes the list that it is given."""
    metering = _by_key(CameraSettings)["metering"]
    assert metering.narrowed(choices=["spot", "laser"]).choices == ("spot",)
    resolution = _by_key(CameraSettings)["resolution"]
    assert resolution.narrowed(choices=["640x480"]).choices == ("640x480",)


def test_the_schema_says_what_json_schema_has_no_word_for() -> None:
    """Unit, step and whether a restart is needed stand in the JSON Schema as `x-` keys."""
    lamp = msgspec.json.schema(_Lamp)["$defs"]["_Lamp"]["properties"]
    assert lamp["brightness"] == {
        "type": "integer",
        "title": "Brightness",
        "description": "How bright.",
        "minimum": 1,
        "maximum": 100,
        "default": 50,
        "x-unit": "%",
        "x-step": 1,
    }
    assert lamp["is_on"]["x-restart"] is True


def test_a_feature_survives_the_wire() -> None:
    """What is sent of a feature is enough to make it again."""
    for feature in features_of(CameraSettings):
        assert msgspec.json.decode(msgspec.json.encode(feature), type=Feature) == feature


def test_every_figure_of_a_camera_says_what_can_be_true() -> None:
    """A new one that says nothing would be told however absurd it is."""
    ranges = plausible_ranges(Achieved)
    assert set(ranges) == set(Achieved.__struct_fields__)
    assert ranges["sensor_temperature_c"] == (-80, 200)
