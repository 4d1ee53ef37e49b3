import resource
from pathlib import Path

import pytest

from cinepi.logs.file import FILES, MAX_SIZE, LogFile, generations


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log lies."""
    return tmp_path / "log" / "system.log"


def lines(path: Path) -> list[str]:
    """All lines of a log and of its older files, oldest first."""
    files = [file for file in reversed(generations(path)) if file.exists()]
    return [line for file in files for line in file.read_text().splitlines()]


def test_the_log_is_bounded_and_loses_only_the_oldest(path: Path) -> None:
    """However much is logged, a few files of bounded size hold the newest lines without a gap."""
    log = LogFile(path)
    for number in range(9000):
        log.write(b"%06d %s\n" % (number, b"x" * 900))
    log.close()
    kept = [int(line.split()[0]) for line in lines(path)]
    assert kept == list(range(kept[0], 9000))
    assert len(kept) * 908 > (FILES - 1) * MAX_SIZE
    sizes = [file.stat().st_size for file in path.parent.iterdir()]
    assert len(sizes) == FILES
    assert max(sizes) <= MAX_SIZE


def test_the_next_start_goes_on_in_the_same_file(path: Path) -> None:
    """A restart appends."""
    for number in range(3):
        log = LogFile(path)
        log.write(b"%d\n" % number)
        log.close()
    assert lines(path) == ["0", "1", "2"]


def test_a_log_that_was_moved_away_is_begun_again(path: Path) -> None:
    """When somebody removes or moves the file, what follows goes into a new one at its place."""
    log = LogFile(path)
    log.write(b"before\n")
    path.rename(path.with_name("moved"))
    log.write(b"after\n")
    assert path.read_bytes() == b"after\n"
    path.unlink()
    log.write(b"again\n")
    assert path.read_bytes() == b"again\n"
    log.close()


def test_a_torn_line_does_not_swallow_the_next(path: Path) -> None:
    """After a power cut in the middle of a line, the next line stands for itself."""
    path.parent.mkdir()
    path.write_bytes(b'{"message":"to')
    log = LogFile(path)
    log.write(b"next\n")
    log.write(b"last\n")
    log.close()
    assert lines(path) == ['{"message":"to', "next", "last"]


def test_a_full_disk_is_an_error(path: Path) -> None:
    """The writer hears of a disk without space."""
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    log = LogFile(path)
    with pytest.raises(OSError, match="No space"):
        log.write(b"line\n")
    log.close()


def test_a_line_cut_by_a_full_disk_does_not_swallow_the_next(path: Path) -> None:
    """When there is space again, the next line stands for itself."""
    log = LogFile(path)
    log.write(b"first\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        log.write(b"second\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.write(b"third\n")
    log.close()
    assert lines(path) == ["first", "seco", "third"]
