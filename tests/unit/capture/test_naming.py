import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinepi.capture.naming import is_name, name_for, parse_name
from cinepi.errors import ConflictError, InvalidArgumentError


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
    assert name_for(1_781_434_800.9, lambda _: False) == "cinepi_20260614_130000.jpg"


def test_second_picture_of_a_second() -> None:
    """Names that are taken are numbered from 01 to 99, and then there are no more."""
    names: set[str] = set()
    for _ in range(100):
        names.add(name_for(1e9, names.__contains__))
    assert len(names) == 100
    assert {name.rsplit("_", 1)[1] for name in names} >= {"01.jpg", "99.jpg"}
    with pytest.raises(ConflictError, match="100"):
        name_for(1e9, names.__contains__)


@given(st.integers(0, 4_000_000_000), st.integers(0, 99))
def test_every_name_can_be_read_again(wall: int, number: int) -> None:
    """Reading a name gives the local time that it was made of."""
    taken: list[str] = []

    def is_taken(name: str) -> bool:
        taken.append(name)
        return len(taken) <= number

    name = name_for(wall, is_taken)
    assert is_name(name)
    assert parse_name(name) == datetime.fromtimestamp(wall)  # noqa: DTZ006 - names are local


@pytest.mark.parametrize(
    "name",
    [
        "",
        "cinepi_20261123_093000.jpeg",
        "cinepi_20261123_093000.jpg\n",
        "cinepi_20261123_093000_00.jpg",
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
    assert not is_name(name)
    with pytest.raises(InvalidArgumentError, match="cinepi_20261123_093000") as caught:
        parse_name(name)
    assert caught.value.field == "/filename"
