import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinepi.clock import rfc3339
from cinepi.errors import InvalidArgumentError
from cinepi.logs.entry import SEVERITY, LogEntry, line_of
from cinepi.logs.file import generations
from cinepi.logs.recent import MAX_SEARCHED, search

START = 1_700_000_000


def recent(paths: Iterable[Path], *, limit: int, **filters: str | None) -> tuple[LogEntry, ...]:
    """The entries of a search."""
    return search(paths, limit=limit, **filters).entries


def entry(number: int, *, level: str = "info", module: str = "camera", size: int = 0) -> LogEntry:
    """The entry said at second `number`."""
    text = f"{number} " + "x" * size
    return LogEntry(timestamp=rfc3339(START + number), level=level, module=module, message=text)


def write(path: Path, *entries: LogEntry) -> None:
    """Write a log."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(map(line_of, entries)))


def numbers(entries: tuple[LogEntry, ...]) -> list[int]:
    """Which entries they are."""
    return [int(one.message.split()[0]) for one in entries]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a log lies."""
    return tmp_path / "system.log"


def test_two_logs_are_merged_newest_first(tmp_path: Path, path: Path) -> None:
    """Entries of the service and the daemon come in the order of their times."""
    other = tmp_path / "app.log"
    write(path, entry(1), entry(4), entry(5))
    write(other, entry(2), entry(3), entry(6))
    assert numbers(recent([path, other], limit=50)) == [6, 5, 4, 3, 2, 1]
    assert numbers(recent([path, other], limit=2)) == [6, 5]
    assert recent([path, other], limit=0) == ()


def test_older_files_are_read_when_the_newest_is_short(path: Path) -> None:
    """After a rotation the entries before it are still found; missing files are empty ones."""
    write(path, entry(5), entry(6))
    write(path.with_name("system.log.1"), entry(3), entry(4))
    write(path.with_name("system.log.3"), entry(1), entry(2))
    assert numbers(recent([path], limit=50)) == [6, 5, 4, 3, 2, 1]
    assert search([path.with_name("no.log")], limit=50).entries == ()


FILTERS = st.fixed_dictionaries(
    {"limit": st.integers(1, 40)},
    optional={
        "level": st.sampled_from(list(SEVERITY)),
        "module": st.sampled_from(["camera", "cam", "camera.ladder", 'odd"name', "none"]),
        "since": st.integers(-10, 130).map(lambda number: rfc3339(START + number)),
    },
)
SAID = st.tuples(
    st.sampled_from(list(SEVERITY)),
    st.sampled_from(["camera", "camera.ladder", "camcorder", 'odd"name', "storage"]),
    st.sampled_from([0, 10, 3000, 12_000]),
)


@settings(max_examples=50, deadline=None)
@given(
    said=st.tuples(st.lists(SAID, max_size=40), st.integers(1, 8)),
    cuts=st.lists(st.integers(0, 120), max_size=3),
    filters=st.lists(FILTERS, min_size=3, max_size=3),
)
def test_every_filter_finds_what_a_plain_search_finds(
    tmp_path_factory: pytest.TempPathFactory,
    said: tuple[list[tuple[str, str, int]], int],
    cuts: list[int],
    filters: list[dict[str, Any]],
) -> None:
    """For any log, of any line lengths and in any files, the result is that of reading it all."""
    path = tmp_path_factory.mktemp("log") / "system.log"
    entries = [
        entry(number, level=level, module=module, size=size)
        for number, (level, module, size) in enumerate(said[0] * said[1])
    ]
    ends = [len(entries), *sorted(cuts, reverse=True)]
    for file, begin, end in zip(generations(path), [*ends[1:], 0], ends, strict=False):
        write(file, *entries[begin:end])
    for chosen in filters:
        expected = [one for one in reversed(entries) if _fits(one, **chosen)][: chosen["limit"]]
        found = search([path], **chosen)
        assert numbers(found.entries) == numbers(tuple(expected))
        assert found.notes == ()


def _fits(
    one: LogEntry,
    *,
    limit: int,  # noqa: ARG001 - of the same filter
    level: str = "debug",
    module: str = "",
    since: str = "",
) -> bool:
    is_module = not module or one.module == module or one.module.startswith(module + ".")
    return SEVERITY[one.level] >= SEVERITY[level] and is_module and one.timestamp >= since


def test_rubbish_between_the_entries_is_shown_where_it_stands(path: Path) -> None:
    """Lines that are no entries take the time of what follows them, and hide nothing."""
    rubbish = b"Segmentation fault\n\n\0\0\0\n" + b'{"torn":"\n' + b"\xff\xfe\n"
    path.write_bytes(line_of(entry(1)) + rubbish + line_of(entry(2)))
    found = recent([path], limit=50)
    assert [one.message[:12] for one in found] == ["2 ", "��", '{"torn":"', "Segmentation", "1 "]
    assert {one.timestamp for one in found[1:4]} == {entry(2).timestamp}
    assert numbers(recent([path], limit=50, level="info")[::4]) == [2, 1]


def test_a_line_without_end_is_survived(path: Path) -> None:
    """Megabytes without a line break neither stop the search nor fill the memory."""
    path.write_bytes(line_of(entry(1)) + b"x" * 10_000_000 + b"\n" + line_of(entry(2)))
    tracemalloc.start()
    found = recent([path], limit=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    assert (found[0].message, found[-1].message) == ("2 ", "1 ")
    assert max(len(one.message) for one in found) <= 2000


def test_a_clock_set_back_does_not_hide_what_came_before(path: Path) -> None:
    """Some entries from before the clock was set do not end the search by time."""
    early = [LogEntry(timestamp=rfc3339(n), level="info", message="x" * 9000) for n in range(6)]
    entries = [entry(number, size=9000) for number in range(20)]
    write(path, *entries[:15], *early, *entries[15:])
    found = recent([path], limit=50, since=entries[3].timestamp)
    assert numbers(found) == list(range(19, 2, -1))


def test_a_search_by_time_ends_early(path: Path) -> None:
    """Reading stops soon after the time asked for, without a look at all that is older."""
    entries = [entry(number, size=1000) for number in range(300)]
    with path.open("wb") as file:
        file.truncate(MAX_SEARCHED)
        file.seek(0, 2)
        file.write(b"\n" + b"".join(map(line_of, entries)))
    found = search([path], limit=500, since=entries[-3].timestamp)
    assert numbers(found.entries) == [299, 298, 297]
    assert found.notes == ()
    assert search([path], limit=500).notes != ()


def test_lines_that_only_look_fitting_are_not_read_for_ever(path: Path) -> None:
    """Where every line has the module's name in it but none is of the module, the search ends."""
    said = LogEntry(timestamp=rfc3339(START), level="info", message="m", fields={"by": "storage"})
    path.write_bytes(line_of(said) * 20_000)
    found = search([path], limit=50, module="storage")
    assert found.entries == ()
    assert found.notes != ()


def test_a_search_for_almost_nothing_gives_up_and_says_so(path: Path) -> None:
    """In a huge log a filter that fits nothing ends after a bounded part, with a note."""
    write(path, entry(1, level="error"))
    with path.open("r+b") as file:
        file.truncate(MAX_SEARCHED + 1_000_000)
        file.seek(0, 2)
        file.write(b"\n" + line_of(entry(2, level="error")))
    found = search([path], limit=50, level="error")
    assert numbers(found.entries) == [2]
    assert found.notes == ("only the newest 33 MB were searched",)


def test_wrong_filters_are_named(path: Path) -> None:
    """A level or a time that is none is the caller's mistake, with its field."""
    with pytest.raises(InvalidArgumentError) as raised:
        recent([path], limit=1, level="loud")
    assert raised.value.field == "/level"
    with pytest.raises(InvalidArgumentError) as raised:
        recent([path], limit=1, since="yesterday")
    assert raised.value.field == "/since"


def test_a_log_that_cannot_be_read_is_a_note(tmp_path: Path, path: Path) -> None:
    """The other log is shown, and the reason for the missing one is told."""
    write(path, entry(1))
    loop = tmp_path / "app.log"
    loop.symlink_to(loop)
    found = search([path, loop], limit=50)
    assert numbers(found.entries) == [1]
    assert f"{loop} cannot be read" in found.notes[0]
