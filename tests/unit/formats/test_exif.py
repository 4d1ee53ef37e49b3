import json

import piexif

from cinepi.formats import exif
from cinepi.formats.contract import Facts, Provenance
from cinepi.model.exposures import Achieved, Exposure


def with_comment(comment: bytes) -> bytes:
    """The head of a picture whose user comment is this."""
    block: bytes = piexif.dump({"Exif": {piexif.ExifIFD.UserComment: b"ASCII\0\0\0" + comment}})
    return b"\xff\xd8\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block


def test_a_picture_remembers_all_that_is_known_of_it() -> None:
    """What is written into it is read from it, to the last fact."""
    provenance = Provenance(
        kind="frame",
        session="20261123_093000_ab12",
        frame=7,
        late_ms=1.5,
        quality=80,
        asked=Exposure(shutter_us=2500, gain=2.0),
        achieved=Achieved(exposure_us=2497, iso=200),
        level_ev=-0.5,
        clock_synced=False,
        clock_error_ms=3.0,
        command="digest",
    )
    block = exif.app1(Facts(1_781_434_800.25, "imx477", provenance), 640, 480)
    assert exif.read(b"\xff\xd8" + block) == (1_781_434_800.25, provenance)


def test_a_picture_of_an_earlier_version_is_understood() -> None:
    """It left out what was a snapshot's, and does not know what has come since."""
    said = {"session": "20261123_093000_ab12", "frame": 7, "kind": "frame", "late_ms": 1.5}
    _, frame = exif.read(with_comment(json.dumps(said).encode()))
    assert (frame.kind, frame.frame, frame.level_ev) == ("frame", 7, None)
    _, snapshot = exif.read(with_comment(b'{"quality":80,"achieved":{"iso":100}}'))
    assert (snapshot.kind, snapshot.quality, snapshot.achieved.iso) == ("snapshot", 80, 100)


def test_what_is_no_comment_of_ours_says_nothing() -> None:
    """A picture of another program is a snapshot of which little is known."""
    for comment in (b"", b"Photo by me", b"[1]", b"\xff\xfe{"):
        assert exif.read(with_comment(comment)) == (None, Provenance())


def test_a_value_of_a_version_to_come_costs_itself() -> None:
    """The picture still belongs to its session."""
    _, found = exif.read(with_comment(b'{"kind":"film","session":"s","frame":7,"mood":"blue"}'))
    assert found == Provenance(session="s", frame=7)
