"""cinepictl and real devices: cinepid and a camera service with the simulated camera."""

import hashlib
import stat
import subprocess
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.broker.running import RunningBroker, RunningDaemon, wait_for
from tests.fleet.conftest import House
from tests.fleet.operator import Ctl
from tests.service.running import RunningService, replace
from tests.stalls import counted_stalls


def test_a_session_from_start_to_stop(ctl: Ctl) -> None:
    """Started on a group, seen by ls, paused, resumed, stopped."""
    ctl.ok("session", "start", "--group", "north", "--interval", "1", "--name", "dawn")
    states = {each["device"]: each["session"] for each in ctl.ok("ls", "--json").json}
    assert states == {"garden": "active", "roof": "active"}
    assert "had done it" not in ctl.ok("session", "pause", "roof").out
    assert "paused" in ctl.ok("session", "status", "roof").out
    ctl.ok("session", "resume", "roof")
    assert ctl("session", "start", "garden").code == 1
    ctl.ok("session", "stop", "--all", "--yes")
    assert "dawn" in ctl.ok("session", "status", "garden").out


def test_a_repeat_with_the_same_id_takes_no_second_picture(ctl: Ctl) -> None:
    """What was done is answered again, and said to be so."""
    first = ctl.ok("snapshot", "garden", "--id", "once-only", "--json").json["ok"][0]
    second = ctl.ok("snapshot", "garden", "--id", "once-only", "--json").json["ok"][0]
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["data"]["filename"] == second["data"]["filename"]


@pytest.mark.alone
def test_shutters_fire_at_one_instant(ctl: Ctl) -> None:
    """Each picture is begun at the time that was agreed, and says by how much it was late."""
    with counted_stalls() as stalls:
        taken = ctl.ok("snapshot", "--all", "--at", "+2s", "--json").json["ok"]
    assert len(taken) == 2
    late = [each["data"]["late_ms"] / 1000 for each in taken]
    assert all(0 <= seconds < 0.2 + stalls.slots for seconds in late)
    times = [datetime.fromisoformat(each["data"]["taken_at"]).timestamp() for each in taken]
    instants = [moment - seconds for moment, seconds in zip(times, late, strict=True)]
    assert max(instants) - min(instants) < 0.02


def test_a_clock_that_is_not_set_refuses_instants(house: House, ctl: Ctl) -> None:
    """An instant would be another one there; pictures now are taken."""
    clock = house.folder / "roof" / "clock.json"
    replace(clock, {"offset_s": 0, "synced": False})
    try:
        for words in (
            ("snapshot", "--all", "--at", "+2s"),
            ("session", "start", "--all", "--start-at", "+3s", "--count", "1"),
        ):
            result = ctl(*words, "--json")
            assert result.code == 3, result
            assert [each["device"] for each in result.json["failed"]] == ["roof"]
            assert "time server" in result.json["failed"][0]["message"]
        assert "clock not set" in ctl.ok("snapshot", "roof").out
    finally:
        replace(clock, {"offset_s": 0, "synced": True})
        ctl("session", "stop", "--all", "--yes")


def test_pictures_come_over_mqtt_whole(ctl: Ctl, tmp_path: Path) -> None:
    """The file is the one that the device has; what is here already is not fetched again."""
    taken = ctl.ok("snapshot", "garden", "--json").json["ok"][0]["data"]
    folder = tmp_path / "pictures"
    ctl.ok("captures", "get", "garden", taken["filename"], "-o", str(folder))
    path = folder / "garden" / taken["filename"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == taken["sha256"]
    ctl.ok("captures", "get", "garden", "--preview", "-o", str(folder))
    assert (folder / "garden" / f"preview_{taken['filename']}").read_bytes()[:2] == b"\xff\xd8"
    listed = ctl.ok("captures", "ls", "--all", "--kind", "snapshot", "--json").json
    assert taken["filename"] in {each["filename"] for each in listed}
    more = ctl.ok("captures", "get", "garden", "--kind", "snapshot", "-o", str(folder))
    assert "1 were here" in more.err or "fetched" not in more.err
    saved = ctl.ok("snapshot", "roof", "--save", str(folder)).out
    assert str(folder / "roof") in saved


def test_pictures_are_deleted_after_a_question(ctl: Ctl) -> None:
    """A dry run only says; without anybody to ask, --yes is needed; then they are gone."""
    name = ctl.ok("snapshot", "roof", "--json").json["ok"][0]["data"]["filename"]
    assert "would be deleted" in ctl.ok("captures", "rm", "roof", name, "--dry-run").out
    assert ctl("captures", "rm", "roof", name).code == 2
    ctl.ok("captures", "rm", "roof", name, "--yes")
    listed = ctl.ok("captures", "ls", "roof", "--json").json
    assert name not in {each["filename"] for each in listed}
    assert ctl("captures", "get", "roof", name).code == 1
    assert ctl("captures", "rm", "roof").code == 2


def test_the_camera_is_set(ctl: Ctl) -> None:
    """Good values are taken, wrong ones explained."""
    ctl.ok("camera", "set", "garden", "roof", "iso=200", "exposure_mode=manual")
    assert "iso=200" in ctl.ok("camera", "get", "roof").out
    result = ctl("camera", "set", "roof", "iso=99999")
    assert result.code == 1
    assert "between 100 and 800" in result.out
    ctl.ok("camera", "set", "garden", "roof", "iso=100", "exposure_mode=auto")


def test_a_configuration_is_read_changed_compared_and_restored(ctl: Ctl) -> None:
    """The way of a careful person: look, try, back up, change, compare, return."""
    before = ctl.ok("config", "get", "roof", "capture.quality").out
    ctl.ok("config", "set", "roof", "capture.quality=71", "--dry-run")
    assert ctl.ok("config", "get", "roof", "capture.quality").out == before
    backup = ctl.ok("config", "backup", "roof", "--json").json["ok"][0]["data"]["backup_file"]
    ctl.ok("config", "set", "roof", "capture.quality=71")
    different = ctl("config", "diff", "roof", "garden")
    assert different.code == 1
    assert "-  quality: 71" in different.out
    assert ctl("config", "diff", "roof", "garden", "--json").json["capture.quality"][0] == 71
    assert backup in ctl.ok("config", "backups", "roof").out
    ctl.ok("config", "restore", backup, "roof")
    assert ctl.ok("config", "get", "roof", "capture.quality").out == before
    assert ctl("config", "set", "roof", "capture.qualitty=1").code == 1
    assert ctl("config", "get", "roof", "capture.qualitty").code == 2


def test_a_configuration_is_edited(ctl: Ctl, tmp_path: Path) -> None:
    """An editor gets the text; what it leaves is checked and put in place, or kept."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/quality: .*/quality: 66/' \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    ctl.ok("config", "edit", "roof", EDITOR=str(editor))
    assert ctl.ok("config", "get", "roof", "capture.quality").out == "66\n"
    assert "nothing was changed" in ctl.ok("config", "edit", "roof", EDITOR=str(editor)).err
    editor.write_text("#!/bin/sh\nsed -i 's/quality: .*/quality: 6666/' \"$1\"\n")
    wrong = ctl("config", "edit", "roof", EDITOR=str(editor), TMPDIR=str(tmp_path))
    assert wrong.code == 1
    assert "quality: 6666" in (tmp_path / "cinepictl-roof.yaml").read_text()
    ctl.ok("config", "set", "roof", "capture.quality=null")


def test_groups_change_over_mqtt_and_stay(house: House, ctl: Ctl) -> None:
    """A device joins, follows the group's commands at once and after a restart, and leaves."""
    ctl.ok("group", "add", "west", "garden")
    assert ctl.ok("group", "ls", "--json").json["west"] == ["garden"]
    found = ctl.ok("snapshot", "--group", "west", "--json").json
    assert [each["device"] for each in found["ok"]] == ["garden"]
    house.restart("garden")
    wait_for(lambda: ctl("snapshot", "--group", "west", "--timeout", "2").code == 0)
    ctl.ok("group", "rm", "west", "garden")
    assert "west" not in ctl.ok("group", "ls", "--json").json
    assert ctl.ok("group", "ls", "--json").json["north"] == ["garden", "roof"]
    assert ctl("group", "add", "NOT/a/group", "garden").code == 2


def test_past_events_are_read_and_new_ones_followed(ctl: Ctl) -> None:
    """The newest of the journal, and the stream as it goes on."""
    name = ctl.ok("snapshot", "garden", "--json").json["ok"][0]["data"]["filename"]
    past = ctl.ok("events", "garden", "-n", "1", "--json").lines
    assert [(each["type"], each["filename"]) for each in past] == [("capture_stored", name)]
    command = ctl.command("events", "garden", "-f", "--after", str(past[0]["seq"] - 1), "--json")
    with subprocess.Popen(command, env=ctl.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert name.encode() in process.stdout.readline()
        ctl.ok("snapshot", "roof", "garden")
        assert b"capture_stored" in process.stdout.readline()
        process.terminate()


def test_logs_health_and_everything_of_one_device(ctl: Ctl) -> None:
    """What a person looks at when something is odd."""
    entries = ctl.ok("logs", "garden", "--json").lines
    assert any(entry["message"] == "daemon started" for entry in entries)
    health = {each["device"]: each["data"]["state"] for each in ctl("health", "--json").json["ok"]}
    assert set(health) == {"garden", "roof"}
    shown = ctl.ok("show", "roof", "--json").json
    assert shown["session"]["state"] in {"idle", "active"}
    assert shown["camera"]["model"] == "simulated-imx477"
    assert "broker 127.0.0.1" in ctl("doctor").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_the_words_and_the_names(ctl: Ctl, shell: str) -> None:
    """The script names verbs and options, and reads the names of devices that were found."""
    ctl.ok("ls")
    script = ctl.ok("completion", shell).out
    assert "snapshot" in script
    assert "start-at" in script
    if shell == "bash":
        for line, offered in (
            ("snapshot g", "garden"),
            ("--context here snap", "snapshot"),
            ("session st", "start status stop"),
            ("snapshot --at ", ""),
        ):
            words = f"COMP_WORDS=(cinepictl {line}) COMP_CWORD={len(line.split(' '))}"
            code = f'{script}\n{words}; _cinepictl; echo "${{COMPREPLY[@]}}"'
            found = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
            assert found.stdout.split() == offered.split(), line


def test_the_client_needs_no_camera_service_and_no_daemon(ctl: Ctl) -> None:
    """It works from any machine that reaches the broker: nothing of the device is loaded."""
    code = (
        "import sys, asyncio, cinepid.ctl.program as p;"
        "[p.verb(name) for name in p.verb_names()];"
        "from cinepid.ctl import link, survey, examination, screen, keyboard;"
        "bad = [m for m in sys.modules if m.startswith(('cinepid.app', 'cinepid.commands',"
        " 'cinepid.publishers', 'cinepid.camera_service', 'cinepid.presence', 'cinepi.service',"
        " 'cinepi.camera', 'cinepi.capture', 'cinepi.journal', 'cinepi.timing', 'cinepi.client',"
        " 'rich', 'numpy', 'structlog'))]; print(bad)"
    )
    python = ctl.command()[0]
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.timeout(240)
def test_two_devices_of_one_name_are_said_to_be_two(
    empty_broker: RunningBroker, lone: Ctl, tmp_path: Path, stack: ExitStack
) -> None:
    """They take turns on the broker; whichever is there complains, and ls shows it first."""
    for name in ("one", "two"):
        stack.callback(RunningService.start(tmp_path / name).close)
        daemon = RunningDaemon.start(tmp_path / name, empty_broker.port)
        stack.callback(daemon.kill)
        wait_for(lambda: lone("ping").code == 0)

    def problems() -> str:
        return " ".join(lone("ls", "--json").json[0]["problems"])

    wait_for(lambda: "same id" in problems(), limit=150)
