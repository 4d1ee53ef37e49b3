"""Pictures on disk: found, read, deleted, and put right after a crash."""

import threading
from collections.abc import Callable
from hashlib import sha256

import piexif
import pytest

from cinepi.errors import InvalidArgumentError
from cinepi.model.documents import CaptureDocument
from cinepi.protocol import (
    CHUNK,
    MAX_NAMES,
    CaptureGetParams,
    CaptureReadParams,
    CaptureReadResult,
    CapturesDeleteParams,
    CapturesDeleteResult,
    CapturesListParams,
    CapturesListResult,
    VerifyResult,
    WatchResult,
)
from tests.service.running import RunningService

Start = Callable[..., RunningService]


def read(service: RunningService, name: str, *, preview: bool = False) -> bytes:
    """All bytes of a picture, chunk by chunk."""
    whole = b""
    while True:
        params = CaptureReadParams(filename=name, preview=preview, offset=len(whole))
        chunk = service.call("captures.read", CaptureReadResult, params)
        whole += chunk.data
        if len(whole) >= chunk.total:
            return whole


def listed(service: RunningService, **params: object) -> CapturesListResult:
    """A page of the list."""
    return service.call("captures.list", CapturesListResult, CapturesListParams(**params))  # type: ignore[arg-type]


def test_pictures_are_listed_newest_first_in_pages(service: RunningService) -> None:
    """Pages join without gap or overlap."""
    names = [service.snapshot().filename for _ in range(5)]
    first = listed(service, limit=2)
    second = listed(service, limit=2, before=first.next)
    third = listed(service, limit=2, before=second.next)
    found = [capture.filename for page in (first, second, third) for capture in page.captures]
    assert found == names[::-1]
    assert third.next is None


def test_a_picture_comes_over_the_socket_whole(start_service: Start) -> None:
    """The bytes in chunks are the file, the preview is a small JPEG of the same picture."""
    service = start_service(camera={"resolution": "4056x3040"})
    picture = service.snapshot()
    assert picture.size > CHUNK
    assert sha256(read(service, picture.filename)).hexdigest() == picture.sha256
    preview = read(service, picture.filename, preview=True)
    assert preview.startswith(b"\xff\xd8")
    assert preview.endswith(b"\xff\xd9")
    assert len(preview) <= 100_000


def test_exif_says_what_the_camera_did(service: RunningService) -> None:
    """Exposure, ISO and time with offset stand in the file."""
    picture = service.snapshot()
    exif = service.exif(picture.filename)["Exif"]
    assert exif[piexif.ExifIFD.ISOSpeedRatings] == picture.achieved.iso
    assert piexif.ExifIFD.DateTimeOriginal in exif
    assert piexif.ExifIFD.OffsetTimeOriginal in exif
    assert piexif.ExifIFD.ExposureTime in exif


@pytest.mark.parametrize(
    "name",
    [
        "../config/cinepi.yaml",
        "/etc/passwd",
        "cinepi_20261123_100000.jpg\n",
        "cinepi_20261123_100000.jpg\0",
        "cinepi_２０２６1123_100000.jpg",  # noqa: RUF001 - the digits of another script
        "cinepi_20269999_100000.jpg",
        "CINEPI_20261123_100000.jpg",
        ".",
        "",
    ],
)
@pytest.mark.parametrize("method", ["captures.get", "captures.read", "captures.delete"])
def test_no_other_file_can_be_named(service: RunningService, method: str, name: str) -> None:
    """Every spelling that is not a capture's name is refused with the field."""
    with pytest.raises(InvalidArgumentError) as caught:
        service.call_raw(method, {"filename": name})
    assert caught.value.field in ("/filename", None if name == "" else "/filename")
    assert service.layout.config.exists()


def test_links_are_not_followed(service: RunningService) -> None:
    """A link with a capture's name gives nothing away."""
    picture = service.snapshot()
    path = service.layout.captures / picture.filename
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(InvalidArgumentError, match="there is no picture"):
        read(service, picture.filename)


def test_deleting_removes_file_and_row_and_tells(service: RunningService) -> None:
    """What was named goes, the rest stays; a dry run only says what would go."""
    names = [service.snapshot().filename for _ in range(3)]
    trial = CapturesDeleteParams(filenames=tuple(names[:2]), dry_run=True)
    dry = service.call("captures.delete", CapturesDeleteResult, trial)
    assert dry.filenames == tuple(names[:2])
    assert service.pictures() == sorted(names)
    service.call(
        "captures.delete", CapturesDeleteResult, CapturesDeleteParams(filenames=tuple(names[:2]))
    )
    assert service.pictures() == names[2:]
    assert [capture.filename for capture in listed(service).captures] == names[2:]
    assert service.events("capture_deleted")[0]["filenames"] == names[:2]


def test_an_answer_names_the_first_of_many(start_service: Start) -> None:
    """However many pictures go, what is kept with the command is short; all of them are gone."""
    service = start_service()
    service.copy_picture(MAX_NAMES)
    service.terminate()
    service = start_service()
    size = (service.layout.captures / service.pictures()[0]).stat().st_size
    for dry_run in (True, False):
        wanted = CapturesDeleteParams(until="2100-01-01T00:00:00Z", dry_run=dry_run)
        went = service.call("captures.delete", CapturesDeleteResult, wanted)
        assert (went.count, len(went.filenames)) == (MAX_NAMES + 1, MAX_NAMES)
        assert went.bytes == (MAX_NAMES + 1) * size
    assert service.pictures() == []


def test_deleting_everything_needs_to_be_said(service: RunningService) -> None:
    """No names and no filter is refused: nothing is deleted by accident."""
    service.snapshot()
    with pytest.raises(InvalidArgumentError, match="or a filter"):
        service.call_raw("captures.delete", {})
    assert len(service.pictures()) == 1


def test_a_crash_leaves_nothing_half_done(start_service: Start) -> None:
    """At the next start leftovers go, broken files are put aside, and unknown ones are taken up."""
    service = start_service()
    keep, lose, spare = (service.snapshot().filename for _ in range(3))
    service.terminate()
    folder = service.layout.captures
    (folder / ".cinepi_1_2.tmp").write_bytes(b"half")
    (folder / "cinepi_20200101_000000.jpg").write_bytes(b"\xff\xd8 cut short")
    (folder / "cinepi_20200101_000001.jpg").write_bytes((folder / spare).read_bytes())
    (folder / lose).unlink()
    again = start_service()
    assert again.pictures() == sorted([keep, spare, "cinepi_20200101_000001.jpg"])
    assert (folder / "quarantine" / "cinepi_20200101_000000.jpg").exists()
    assert again.events("capture_deleted")[0]["filenames"] == [lose]
    assert again.events("capture_quarantined")[0]["filename"] == "cinepi_20200101_000000.jpg"
    assert again.events("captures_found")[0]["first"] == "cinepi_20200101_000001.jpg"
    assert len(again.events("capture_stored")) == 3
    report = again.call("captures.verify", VerifyResult)
    assert (report.checked, report.damaged, report.missing, report.unknown) == (3, (), (), ())


def test_a_lost_journal_is_made_again_from_the_pictures(start_service: Start) -> None:
    """The index comes back from the folder when the database has been destroyed."""
    service = start_service()
    names = [service.snapshot().filename for _ in range(2)]
    service.terminate()
    service.layout.journal.write_bytes(b"no database at all" * 1000)
    again = start_service()
    assert [capture.filename for capture in listed(again).captures] == names[::-1]


def test_every_wrong_name_is_named_and_nothing_is_deleted(service: RunningService) -> None:
    """One answer tells all names that are none, or of no picture; the others stay too."""
    good = service.snapshot().filename
    names = [good, "../cinepi.yaml", "cinepi_20200101_000000.jpg"]
    with pytest.raises(InvalidArgumentError) as refusal:
        service.call_raw("captures.delete", {"filenames": names})
    assert [problem.field for problem in refusal.value.problems] == ["/filenames/1", "/filenames/2"]
    assert service.pictures() == [good]


def test_any_file_of_a_shot_is_read_and_all_go_with_its_picture(start_service: Start) -> None:
    """A second exposure beside a picture is found with it, and never deleted in its place."""
    service = start_service()
    snapshot = service.snapshot().filename
    service.terminate()
    picture, second = "cinepi_20200101_000000.jpg", "cinepi_20200101_000000.2.jpg"
    content = (service.layout.captures / snapshot).read_bytes()
    for name in (picture, second):
        (service.layout.captures / name).write_bytes(content)
    again = start_service()
    of_both = [
        again.call("captures.get", CaptureDocument, CaptureGetParams(filename=name))
        for name in (picture, second)
    ]
    assert of_both[0] == of_both[1]
    assert of_both[0].filenames == (picture, second)
    assert read(again, second) == content
    assert read(again, second, preview=True) == read(again, picture, preview=True)
    (service.layout.captures / second).rename(service.layout.root / second)
    report = again.call("captures.verify", VerifyResult)
    assert (report.checked, report.missing, report.unknown) == (2, (second,), ())
    (service.layout.root / second).rename(service.layout.captures / second)
    with pytest.raises(InvalidArgumentError, match="name its picture, cinepi_2020"):
        again.call_raw("captures.delete", {"filename": second})
    with pytest.raises(InvalidArgumentError, match="no capture"):
        again.call_raw("captures.get", {"filename": "cinepi_20200101_000000.3.jpg"})
    params = CapturesDeleteParams(filename=picture)
    went = again.call("captures.delete", CapturesDeleteResult, params)
    assert (went.count, went.bytes, went.filenames) == (1, 2 * len(content), (picture,))
    assert again.pictures() == [snapshot]
    report = again.call("captures.verify", VerifyResult)
    assert (report.checked, report.damaged, report.missing, report.unknown) == (1, (), (), ())


@pytest.mark.parametrize(
    ("method", "params"),
    [("captures.get", {}), ("captures.read", {}), ("captures.read", {"preview": True})],
    ids=["get", "read", "preview"],
)
def test_a_picture_whose_file_is_gone_is_not_promised(
    service: RunningService, method: str, params: dict[str, object]
) -> None:
    """Somebody has moved it away: the answer says so, and the index lets it go with its event."""
    gone, kept = (service.snapshot().filename for _ in range(2))
    (service.layout.captures / gone).unlink()
    with pytest.raises(InvalidArgumentError, match="is gone: somebody has removed it"):
        service.call_raw(method, {"filename": gone, **params})
    assert [capture.filename for capture in listed(service).captures] == [kept]
    (deleted,) = service.events("capture_deleted")
    assert (deleted["filenames"], deleted["reason"]) == ([gone], "missing")
    with pytest.raises(InvalidArgumentError):
        service.call_raw(method, {"filename": gone, **params})
    assert len(service.events("capture_deleted")) == 1


def test_verify_counts_all_and_names_the_first(start_service: Start) -> None:
    """However many pictures are gone, the answer is short; they leave the index in steps."""
    service = start_service()
    service.copy_picture(2 * MAX_NAMES)
    service.terminate()
    service = start_service()
    for copy in service.layout.captures.glob("cinepi_2020*"):
        copy.unlink()
    report = service.call("captures.verify", VerifyResult)
    assert (report.checked, report.missing_count) == (1, 2 * MAX_NAMES)
    assert len(report.missing) == MAX_NAMES
    assert len(listed(service).captures) == 1
    deleted = service.events("capture_deleted")
    assert {event["reason"] for event in deleted} == {"missing"}
    assert service.call("captures.verify", VerifyResult).missing_count == 0


def test_verify_beside_a_session_finds_nothing(service: RunningService) -> None:
    """What is being stored or deleted meanwhile is neither unknown nor missing."""
    is_over = threading.Event()

    def store_and_delete() -> None:
        while not is_over.is_set():
            names = [service.snapshot().filename for _ in range(3)]
            params = CapturesDeleteParams(filenames=tuple(names))
            service.call("captures.delete", CapturesDeleteResult, params)

    worker = threading.Thread(target=store_and_delete)
    worker.start()
    try:
        for _ in range(100):
            report = service.call("captures.verify", VerifyResult)
            assert (report.missing_count, report.unknown_count, report.damaged_count) == (0, 0, 0)
    finally:
        is_over.set()
        worker.join()
    assert {event["reason"] for event in service.events("capture_deleted")} == {"command"}


def test_old_pictures_that_are_copied_in_change_nothing_new(start_service: Start) -> None:
    """They are one event with a count, at the place of their own time in the list."""
    service = start_service()
    service.copy_picture(5)
    original = service.pictures()[-1]
    content = (service.layout.captures / original).read_bytes()
    for copy in service.layout.captures.glob("cinepi_2020*"):
        copy.write_bytes(content.replace(b"Exif", b"Exit"))  # so that only the name has a time
    service.kill()
    service = start_service()
    (found,) = service.events("captures_found")
    assert (found["count"], found["first"]) == (5, "cinepi_20200101_000000.jpg")
    assert len(service.events("capture_stored")) == 1
    assert listed(service).captures[0].filename == original
    capture = service.call("watch", WatchResult).capture
    assert capture is not None
    assert capture.filename == original
