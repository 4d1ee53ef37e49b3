import os
from pathlib import Path

from cinepi.capture.store import Store
from cinepi.capture.sweep import survey, sweep

WHOLE = {"jpg": (b"\xff\xd8", b"\xff\xd9")}
WALL = 1_781_434_800.0


def test_sweep_tidies_up(store: Store, folder: Path) -> None:
    """Leftovers go, broken pictures are put aside, whole ones are found, others left alone.

    An empty file is the leftover of a rename that was cut short.
    """
    known = store.write(WHOLE, WALL)[0].name
    whole = store.write(WHOLE, WALL + 1)[0].name
    (folder / ".cinepi_17_1.0.tmp").write_bytes(b"\xff\xd8 half")
    (folder / "cinepi_20200101_000000.jpg").write_bytes(b"\xff\xd8 half")
    (folder / "cinepi_20200101_000001.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("mine")
    (folder / "cinepi_20209901_000001.jpg").write_text("mine")
    swept = sweep(folder, {known, "cinepi_20190101_000000.jpg"})
    assert swept.temporary == 2
    assert swept.found == (whole,)
    assert swept.missing == ("cinepi_20190101_000000.jpg",)
    assert [(one.name, one.reason) for one in swept.quarantined] == [
        ("cinepi_20200101_000000.jpg", "it is cut short"),
    ]
    assert all(one.moved_to.exists() for one in swept.quarantined)
    assert not (folder / "cinepi_20200101_000001.jpg").exists()
    assert (folder / "notes.txt").exists()
    assert sweep(folder, {known}).quarantined == ()


def test_what_is_no_picture_stops_nothing(folder: Path) -> None:
    """A folder, a link or a pipe that is called like a picture is put aside as it is."""
    folder.mkdir(parents=True)
    names = [f"cinepi_20200101_00000{number}.jpg" for number in range(3)]
    (folder / names[0]).mkdir()
    (folder / names[1]).symlink_to(folder / "elsewhere")
    os.mkfifo(folder / names[2])
    assert survey(folder, set).damaged == tuple(names)
    swept = sweep(folder, set())
    assert [(one.name, one.reason) for one in swept.quarantined] == [
        (name, "it is no file") for name in names
    ]
    assert str(swept.quarantined[1].moved_to.readlink()) == str(folder / "elsewhere")
    assert sweep(folder, set()).quarantined == ()


def test_what_cannot_be_tidied_stops_nothing(store: Store, folder: Path) -> None:
    """A leftover that cannot be removed, or a broken picture that cannot be moved, stays."""
    whole = store.write(WHOLE, WALL)[0].name
    (folder / ".cinepi_17_1.0.tmp").mkdir()
    (folder / "quarantine").write_text("no folder")
    (folder / "cinepi_20200101_000000.jpg").write_bytes(b"\xff\xd8 half")
    swept = sweep(folder, set())
    assert (swept.temporary, swept.found, swept.quarantined) == (0, (whole,), ())
    assert (folder / "cinepi_20200101_000000.jpg").exists()


def test_quarantine_overwrites_nothing(folder: Path) -> None:
    """Broken pictures of the same name lie beside each other."""
    for content in (b"a", b"b"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cinepi_20200101_000000.jpg").write_bytes(content)
        sweep(folder, set())
    aside = folder / "quarantine"
    assert {path.read_bytes() for path in aside.iterdir()} == {b"a", b"b"}
