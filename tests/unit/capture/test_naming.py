import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.capture.naming import parse_name, understood
from cinepi.errors import ConflictError, InvalidArgumentError
from cinepi.stem import stem_for, stem_of, time_of


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place with summer time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_name_has_the_local_time() -> None:
    """The name says what a clock on the wall said."""
    assert stem_for(1_781_434_800.9, lambda _: False) == "cinepi_20260614_130000"


def test_second_picture_of_a_second() -> None:
    """Names that are taken are numbered from 01 to 99, and then there are no more."""
    names: set[str] = set()
    for _ in range(100):
        names.add(stem_for(1e9, names.__contains__))
    assert len(names) == 100
    assert {name.rsplit("_", 1)[1] for name in names} >= {"01", "99"}
    with pytest.raises(ConflictError, match="100"):
        stem_for(1e9, names.__contains__)


@given(st.integers(0, 4_000_000_000), st.integers(0, 99))
def test_every_name_can_be_read_again(wall: int, number: int) -> None:
    """Reading a name gives the local time that it was made of."""
    taken: list[str] = []

    def is_taken(name: str) -> bool:
        taken.append(name)
        return len(taken) <= number

    stem = stem_for(wall, is_taken)
    assert time_of(stem) == datetime.fromtimestamp(wall)  # noqa: DTZ006 - names are local
    assert stem_of(stem) == stem
    for ending, is_picture in (("jpg", True), ("2.jpg", False), ("99.jpg", False)):
        name = parse_name(f"{stem}.{ending}")
        assert (name.stem, name.ending, name.suffix) == (stem, ending, "jpg")
        assert name.time == time_of(stem)
        assert name.is_picture == is_picture
        assert stem_of(f"{stem}.{ending}") == stem


@pytest.mark.parametrize(
    "name",
    [
        "",
        "cinepi_20261123_093000.jpeg",
        "cinepi_20261123_093000.jpg\n",
        "cinepi_20261123_093000_00.jpg",
        "cinepi_20261123_093000.1.jpg",
        "cinepi_20261123_093000.02.jpg",
        "cinepi_20261123_093000.100.jpg",
        "cinepi_20261123_093000.txt",
        "cinepi_20261123_093000.",
        "cinepi_20261123_093000",
        "cinepi_20261123_093000_1.jpg",
        "cinepi_20261123_093000_100.jpg",
        "cinepi_20261323_093000.jpg",
        "cinepi_20260230_093000.jpg",
        "cinepi_20261123_093060.jpg",
        "cinepi_\uff120261123_093000.jpg",
        "../cinepi_20261123_093000.jpg",
        "cinepi_20261123_093000.jpg/..",
        "cinepi_20261123_093000.jpg\0",
        "CINEPI_20261123_093000.JPG",
    ],
)
def test_no_other_name_is_accepted(name: str) -> None:
    """What is no picture's name is refused, and the error says how names look."""
    assert understood(name) is None
    with pytest.raises(InvalidArgumentError, match="cinepi_20261123_093000") as caught:
        parse_name(name)
    assert caught.value.field == "/filename"
