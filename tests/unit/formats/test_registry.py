from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from cinepi.capture.naming import parse_name, understood
from cinepi.formats import registry
from cinepi.formats.contract import ENDS, PictureFormat
from cinepi.model.settings import CaptureSettings
from tests.unit.formats.adding import NOTE, companion


def test_a_format_is_one_file(tmp_path: Path) -> None:
    """It is found by its name, and names of its files are names from then on."""
    assert understood("cinepi_20261123_093000.note") is None
    with companion(tmp_path / "more", NOTE):
        assert list(registry.formats()) == [*registry.pictures(), "note"]
        name = parse_name("cinepi_20261123_093000_01.note")
    assert (name.stem, name.suffix, name.is_picture) == ("cinepi_20261123_093000_01", "note", False)


def test_the_setting_offers_the_formats_of_pictures() -> None:
    """`capture.output_format` has no list of its own, and an old file that has it is still read."""
    hint = get_type_hints(CaptureSettings, include_extras=True)["output_format"]
    assert get_args(get_args(hint)[0]) == tuple(registry.pictures())
    old = msgspec.convert({"output_format": "jpg"}, CaptureSettings)
    assert old == CaptureSettings()


@pytest.mark.parametrize("suffix", registry.formats())
def test_nothing_is_no_whole_file(suffix: str) -> None:
    """An empty file, and one of zeros as a power cut leaves it, is not whole."""
    each = registry.formats()[suffix]
    assert not each.is_whole(b"", b"")
    assert not each.is_whole(bytes(ENDS), bytes(ENDS))
    assert isinstance(each, PictureFormat) == (suffix in registry.pictures())
