"""The configuration in force: changed while everything runs."""

from collections.abc import Callable

import pytest

from cinepi.config.store import MOST
from cinepi.errors import ConflictError, InternalError, InvalidArgumentError
from cinepi.model.documents import CameraDocument, ConfigDocument
from cinepi.protocol import (
    BackupsResult,
    CameraSetParams,
    ConfigChangeResult,
    ConfigPatchParams,
    HealthResult,
    NoParams,
    RestoreParams,
)
from tests.faults import strace
from tests.service.running import RunningService, wait_for

Start = Callable[..., RunningService]


def patch(service: RunningService, **params: object) -> ConfigChangeResult:
    """Change some values."""
    return service.call("config.patch", ConfigChangeResult, ConfigPatchParams(**params))  # type: ignore[arg-type]


def config(service: RunningService) -> ConfigDocument:
    """The configuration in force."""
    return service.call("config.get", ConfigDocument)


def test_a_new_interval_reaches_the_running_session(service: RunningService) -> None:
    """The interval of a running session changes with the configuration, on a new grid."""
    service.start_session(interval=3600)
    service.frames_reach(1)
    before = config(service).revision
    answer = patch(service, patch={"capture": {"interval": 1}})
    assert (answer.revision, answer.changed) == (before + 1, ("/capture/interval",))
    assert service.frames_reach(3).interval == 1
    assert service.events("session_changed")[0]["previous_interval"] == 3600


def test_other_changes_leave_the_session_its_interval(service: RunningService) -> None:
    """A session that was started with an interval of its own keeps it when the quality changes."""
    service.start_session(interval=7)
    patch(service, patch={"capture": {"quality": 50}})
    assert service.session().interval == 7


def test_camera_set_is_kept_and_seen_in_the_picture(start_service: Start) -> None:
    """A setting is in the file, in the next picture, and still there after a restart."""
    service = start_service()
    wanted: dict[str, bool | int | float | str] = {
        "exposure_mode": "manual",
        "iso": 400,
        "gain": 2.0,
        "quality": 80,
    }
    document = service.call("camera.set", CameraDocument, CameraSetParams(settings=wanted))
    assert document.settings.iso == 400
    picture = service.snapshot()
    assert picture.achieved.iso == 800
    assert picture.quality == 80
    service.terminate()
    again = start_service()
    assert again.camera().settings.iso == 400


@pytest.mark.parametrize(
    ("settings", "field", "said"),
    [
        ({"iso": 9000}, "/iso", "between 100 and 800"),
        ({"resolution": "123x456"}, "/resolution", "4056x3040"),
        ({"exposure": "auto"}, "/exposure", "did you mean exposure_mode"),
        ({"quality": 0}, "/quality", "between 1 and 100"),
        ({"backend": "canon"}, "/backend", "one of auto, picamera2, simulated, not .canon"),
    ],
)
def test_bad_camera_settings_are_named_as_given(
    service: RunningService, settings: dict[str, object], field: str, said: str
) -> None:
    """The error names the key as the user wrote it, and nothing has changed."""
    before = config(service)
    with pytest.raises(InvalidArgumentError, match=said) as caught:
        service.call_raw("camera.set", {"settings": settings})
    assert caught.value.field == field
    assert config(service) == before


def test_a_stale_writer_is_refused(service: RunningService) -> None:
    """Of two who read the same revision, the second to write is told."""
    revision = config(service).revision
    patch(service, patch={"camera": {"iso": 200}}, base_revision=revision)
    with pytest.raises(ConflictError, match="read it again"):
        patch(service, patch={"camera": {"iso": 300}}, base_revision=revision)


def test_a_dry_run_changes_nothing(service: RunningService) -> None:
    """It says what would change."""
    before = config(service)
    answer = patch(service, patch={"capture": {"quality": 50}}, dry_run=True)
    assert answer.changed == ("/capture/quality",)
    assert answer.dry_run
    assert config(service) == before


def test_what_waits_for_a_restart_is_listed(start_service: Start) -> None:
    """A value that needs a restart is pending until then."""
    service = start_service()
    assert patch(service, patch={"camera": {"backend": "auto"}}).pending_restart == (
        "/camera/backend",
    )
    service.terminate()
    assert config(start_service()).pending_restart == ()


def test_a_backup_brings_back_what_was(service: RunningService) -> None:
    """Before each change a copy is made; restoring it is one more change."""
    changed = patch(service, patch={"camera": {"iso": 400}})
    assert changed.backup_file
    service.call("config.restore", ConfigChangeResult, RestoreParams(file=changed.backup_file))
    assert config(service).effective["camera"]["iso"] == 100
    assert len(service.call("config.backups", BackupsResult).backups) == 2


@pytest.mark.parametrize("which", ["4", "4+"])
def test_a_change_that_fails_half_way_is_undone(service: RunningService, which: str) -> None:
    """The file is replaced, and then the disk fails once, or for all that follows."""
    before = config(service)
    with (
        strace.attached(service.process.pid, ["fsync"], f"error=EIO:when={which}"),
        pytest.raises(InternalError, match="Input/output"),
    ):
        patch(service, patch={"capture": {"interval": 77}})
    wait_for(lambda: "77" not in service.layout.config.read_text())
    text = service.layout.config.read_text()
    service.layout.config.write_text(text.replace('"reserve_mb": 16', '"reserve_mb": 17'))
    wait_for(lambda: config(service).revision > before.revision)
    assert service.events("config_changed")[-1]["changed"] == ["/capture/reserve_mb"]
    assert config(service).effective["capture"]["interval"] != 77


def test_an_edit_by_hand_comes_first(service: RunningService) -> None:
    """A change over the socket builds on what somebody has just written into the file."""
    text = service.layout.config.read_text().replace('"640x480"', '"1280x720"')
    service.layout.config.write_text(text)
    patch(service, patch={"camera": {"iso": 200}})
    camera = config(service).effective["camera"]
    assert (camera["resolution"], camera["iso"]) == ("1280x720", 200)
    assert [event["source"] for event in service.events("config_changed")][-2:] == [
        "file",
        "command",
    ]


def test_an_edit_by_hand_is_taken_up(service: RunningService) -> None:
    """It reaches the running session and everybody who watches, and what was before is kept."""
    service.start_session(interval=3600)
    before = service.layout.config.read_text()
    edited = before.replace('"reserve_mb": 16', '"reserve_mb": 16, "interval": 7')
    service.layout.config.write_text(edited)
    wait_for(lambda: service.session().interval == 7)
    event = service.events("config_changed")[-1]
    assert (event["source"], event["changed"]) == ("file", ["/capture/interval"])
    assert (service.layout.backups / str(event["backup_file"])).read_text() == before


def test_a_new_comment_is_no_change(service: RunningService) -> None:
    """It stays in the file with the next change, and is told to nobody."""
    service.start_session(interval=3600)
    path = service.layout.config
    path.write_text(f"# mine\n{path.read_text()}")
    assert patch(service, patch={"camera": {"iso": 200}}).changed == ("/camera/iso",)
    assert path.read_text().startswith("# mine\n")
    assert [event["source"] for event in service.events("config_changed")] == ["file", "command"]


def test_a_wrong_line_costs_itself_and_health_says_why(service: RunningService) -> None:
    """Its value stays as it was, also over a restart; the rest of the edit holds."""
    patch(service, patch={"capture": {"interval": 77}})
    text = service.layout.config.read_text()
    edited = text.replace("interval: 77", "interval: soon, quality: 60")
    assert edited != text
    service.layout.config.write_text(edited)
    wait_for(lambda: config(service).effective["capture"]["quality"] == 60)
    assert config(service).effective["capture"]["interval"] == 77
    check = service.call("health.get", HealthResult).configuration
    assert check.state == "degraded"
    assert 'interval must be a number between 1 and 3600, not "soon"' in check.reason
    assert "is not used" in service.layout.log.read_text()
    assert service.layout.config.read_text() == edited


def test_a_wrong_line_survives_changes_and_restarts(start_service: Start) -> None:
    """What a newer version wrote is still there when that comes back, and so is a mistake."""
    service = start_service()
    patch(service, patch={"camera": {"iso": 400}})
    service.terminate()
    path = service.layout.config
    path.write_text(
        "camera:\n  backend: simulated\n  resolution: 640x480\n  iso: 9000  # mine\n"
        "  exposure_mode: ramp\n  kelvin: 4500\ncapture: {reserve_mb: 16}\nplan:\n  on: true\n"
    )
    again = start_service()
    camera = config(again).effective["camera"]
    assert (camera["iso"], camera["exposure_mode"], camera["resolution"]) == (
        400,
        "auto",
        "640x480",
    )
    assert again.events("config_recovered") == []
    reason = again.call("health.get", HealthResult).configuration.reason
    for line in ("cinepi.yaml:4:8: iso", "cinepi.yaml:5:18: exposure_mode", "kelvin", "plan"):
        assert line in reason
    answer = patch(again, patch={"camera": {"gain": 2.0}})
    assert (answer.changed, answer.kept_comments) == (("/camera/gain",), True)
    for line in ("iso: 9000  # mine", "exposure_mode: ramp", "kelvin: 4500", "plan:\n  on: true"):
        assert line in path.read_text()
    with pytest.raises(InvalidArgumentError, match="between 100 and 800"):
        patch(again, patch={"camera": {"iso": 9001}})
    assert answer.backup_file is not None
    again.terminate()
    last = start_service()
    assert config(last).effective["camera"]["iso"] == 400
    last.call("config.restore", ConfigChangeResult, RestoreParams(file=answer.backup_file))
    assert "kelvin: 4500" in path.read_text()
    assert config(last).effective["camera"]["gain"] == 1.0
    assert patch(last, patch={"camera": {"iso": 400}}).changed == ("/camera/iso",)
    assert "iso: 400  # mine" in path.read_text()


def test_an_edit_that_this_camera_cannot_do_is_not_used(service: RunningService) -> None:
    """As a command would be refused: not silently replaced by something near it."""
    wait_for(lambda: service.camera().connected)
    path = service.layout.config
    text = path.read_text().replace('"640x480"', '"123x456", "iso": 200')
    path.write_text(text)
    wait_for(lambda: config(service).effective["camera"]["iso"] == 200)
    check = service.call("health.get", HealthResult).configuration
    assert check.state == "degraded"
    assert "resolution must be one of" in check.reason
    assert "123x456" in check.reason
    assert service.camera().settings.resolution == "640x480"
    assert service.camera().adjusted == ()
    with pytest.raises(InvalidArgumentError, match="resolution must be one of"):
        service.call("config.validate", ConfigChangeResult)


def test_what_is_sound_needs_no_recovery(service: RunningService) -> None:
    """Recovering it would go back to an older backup, which nobody has asked for."""
    patch(service, patch={"camera": {"iso": 400}})
    before = config(service)
    with pytest.raises(
        ConflictError, match=r"sound and in force: there is nothing to recover\. To"
    ):
        service.call("config.recover", ConfigChangeResult, NoParams())
    assert config(service) == before
    service.layout.config.unlink()
    service.call("config.recover", ConfigChangeResult, NoParams())
    assert "iso: 400" in service.layout.config.read_text()
    assert config(service) == before


def test_a_file_that_was_removed_is_written_anew_by_the_next_change(
    service: RunningService,
) -> None:
    """What was in force is kept as the backup, and the file is whole again."""
    patch(service, patch={"capture": {"quality": 60}})
    before = service.layout.config.read_text()
    service.layout.config.unlink()
    reason = service.call("health.get", HealthResult).configuration.reason
    assert "is gone; the next change writes it anew" in reason
    answer = patch(service, patch={"capture": {"quality": 70}})
    assert answer.backup_file is not None
    assert (service.layout.backups / answer.backup_file).read_text() == before
    assert "quality: 70" in service.layout.config.read_text()
    assert service.call("health.get", HealthResult).configuration.state == "ok"


def test_the_newest_change_survives_a_broken_file(start_service: Start) -> None:
    """What was in force last comes back, though the newest backup is older."""
    service = start_service()
    assert patch(service, patch={"camera": {"iso": 400}}).backup_file
    service.terminate()
    service.layout.config.write_text("iso: {{{")
    again = start_service()
    assert config(again).effective["camera"]["iso"] == 400
    assert again.events("config_recovered")[0]["source"] == "last configuration"


def test_a_broken_edit_is_told_and_recovered_from(service: RunningService) -> None:
    """A change on top of a broken file is refused with the line; recover puts a good one back."""
    patch(service, patch={"camera": {"iso": 400}})
    service.layout.config.write_text("camera: [")
    with pytest.raises(InvalidArgumentError, match=r"cinepi\.yaml:1:10"):
        patch(service, patch={"camera": {"iso": 200}})
    service.call("config.recover", ConfigChangeResult, NoParams())
    assert config(service).effective["camera"]["iso"] == 400
    recovered = service.events("config_recovered")[0]
    kept = service.layout.config.parent / str(recovered["kept_as"])
    assert kept.read_text() == "camera: ["
    patch(service, patch={"camera": {"iso": 300}})


def test_an_unreadable_file_at_the_start_is_replaced_and_kept(start_service: Start) -> None:
    """The service starts whatever is in the file, says so in an event, and keeps the broken one."""
    service = start_service()
    service.terminate()
    service.layout.config.write_text("iso: {{{")
    again = start_service()
    recovered = again.events("config_recovered")[0]
    kept = again.layout.config.parent / str(recovered["kept_as"])
    assert kept.read_text() == "iso: {{{"
    assert wait_for(lambda: again.camera().connected)


def test_old_backups_go_at_the_start(start_service: Start) -> None:
    """A device that is off every night keeps no more of them than any other."""
    service = start_service()
    service.terminate()
    text = service.layout.config.read_text()
    for number in range(MOST + 20):
        minutes, seconds = divmod(number, 60)
        name = f"cinepi_backup_20260101_00{minutes:02}{seconds:02}.yaml"
        (service.layout.backups / name).write_text(text)
    service.set_clock(synced=False)  # so that they go for their number, not for their age
    service = start_service()
    wait_for(lambda: len(list(service.layout.backups.iterdir())) == MOST)
