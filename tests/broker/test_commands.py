"""What an operator sees who sends commands."""

import hashlib
from collections.abc import Callable

import pytest

from tests.broker.running import DEVICE, Heard, Operator, RunningDaemon, wait_for
from tests.service.running import RunningService


def test_an_empty_message_takes_a_picture(shared: Operator, shared_service: RunningService) -> None:
    """A phone's button needs no JSON."""
    shared.send("snapshot/take")
    answer = shared.answer("snapshot/take")
    assert answer["success"]
    assert answer["message"] == f"Snapshot taken: {answer['data']['filename']}"
    assert answer["data"]["filename"] in shared_service.pictures()


def test_a_session_starts_and_stops_in_plain_words(shared: Operator) -> None:
    """Answers have the words and keys that dashboards were promised."""
    started = shared.ask("session/start", interval=30)
    assert started == {
        "id": started["id"],
        "command": "session/start",
        "final": True,
        "success": True,
        "message": "Session started with 30s interval",
        "data": started["data"],
    }
    assert started["data"]["state"] == "active"
    assert shared.document("session", state="active")["interval"] == 30
    stopped = shared.ask("session/stop")
    assert stopped["data"]["state"] == "idle"
    assert stopped["message"].startswith("Session stopped after ")


def test_settings_are_changed_and_told(shared: Operator) -> None:
    """The retained camera document follows a change."""
    answer = shared.ask("camera/set", exposure_mode="manual", iso=200, quality=90)
    assert answer["success"], answer
    camera = wait_for(lambda: (d := shared.newest("camera")) and d["settings"]["iso"] == 200 and d)
    assert camera["settings"]["exposure_mode"] == "manual"


def test_the_answer_goes_to_the_response_topic_too(shared: Operator) -> None:
    """MQTT 5 clients get it where they asked, with what they gave along."""
    shared.send("system/ping", response_topic="test/answers", correlation=b"\x00\x01")
    own = shared.wait("response/system/ping")
    asked_for = wait_for(lambda: next((m for m in shared.heard if m.topic == "test/answers"), None))
    assert asked_for.payload == own.payload
    assert asked_for.correlation == b"\x00\x01"
    assert not asked_for.retain


@pytest.mark.parametrize(
    "topic",
    [
        f"cinepi/{DEVICE}/cmd/snapshot/take",
        f"cinepi/{DEVICE}/status",
        f"homeassistant/device/{DEVICE}/config",
        "test/" + "x" * 300,
    ],
)
def test_no_answer_goes_where_it_could_do_harm(shared: Operator, topic: str) -> None:
    """Nobody makes the device send commands, or speak in another's name."""
    shared.send("system/ping", {"id": topic[:60]}, response_topic=topic)
    shared.answer("system/ping", id=topic[:60])
    shared.sync()
    assert [m for m in shared.heard if m.topic == topic] == []


def test_the_same_id_takes_one_picture(shared: Operator, shared_service: RunningService) -> None:
    """A repeated command is answered again, and not done again."""
    first = shared.ask("snapshot/take", id="one-picture")
    before = shared_service.pictures()
    shared.forget()
    second = shared.ask("snapshot/take", id="one-picture")
    assert second == {**first, "replayed": True}
    assert shared_service.pictures() == before


def test_the_same_id_for_something_else_is_a_conflict(shared: Operator) -> None:
    """An id belongs to one command with its arguments."""
    shared.ask("camera/set", id="mine", iso=300)
    shared.forget()
    assert shared.ask("camera/set", id="mine", iso=400)["error"]["code"] == "conflict"
    shared.forget()
    assert shared.ask("system/ping", id="mine")["error"]["code"] == "conflict"


def test_a_repeated_question_gets_the_stored_answer(shared: Operator) -> None:
    """Questions are remembered as well."""
    first = shared.ask("system/ping", id="ping-1")
    shared.forget()
    assert shared.ask("system/ping", id="ping-1") == {**first, "replayed": True}


def test_a_command_without_id_is_done_each_time(
    shared: Operator, shared_service: RunningService
) -> None:
    """Two presses of a button are two pictures."""
    before = len(shared_service.pictures())
    shared.send("snapshot/take")
    shared.send("snapshot/take")
    wait_for(lambda: len(shared.answers("snapshot/take")) == 2)
    assert len(shared_service.pictures()) == before + 2


def test_a_switch_understands_on_and_off(shared: Operator) -> None:
    """Plain payloads work, and what is so already is no mistake."""
    for payload, state in (("ON", "active"), ("ON", "active"), ("OFF", "idle"), ("OFF", "idle")):
        shared.forget()
        shared.send("session/set", payload)
        assert shared.answer("session/set")["data"]["state"] == state
    shared.forget()
    shared.send("session/set", "MAYBE")
    assert "one of OFF, ON" in shared.answer("session/set")["error"]["message"]


@pytest.mark.parametrize(
    "command",
    [
        "camera/get",
        "captures/list",
        "config/backups",
        "config/get",
        "config/schema",
        "config/validate",
        "events/replay",
        "health/check",
        "logs/recent",
        "session/get",
        "system/ping",
        "system/republish",
    ],
)
def test_every_question_is_answered(shared: Operator, command: str) -> None:
    """All of them, without arguments."""
    answer = shared.ask(command)
    assert answer["success"], answer
    assert answer["message"]
    assert isinstance(answer["data"], dict)


def test_the_configuration_is_changed_and_told(shared: Operator) -> None:
    """A patch makes a revision; an old `base_revision` is a conflict; a dry run changes nothing."""
    before = shared.ask("config/get")["data"]["revision"]
    tried = shared.ask("config/patch", patch={"capture": {"interval": 10}}, dry_run=True)
    assert tried["data"]["changed"] == ["/capture/interval"]
    changed = shared.ask("config/patch", patch={"capture": {"interval": 12}})
    assert changed["data"]["revision"] == before + 1
    assert shared.document("config", revision=before + 1)["effective"]["capture"]["interval"] == 12
    late = shared.ask("config/patch", patch={"capture": {"interval": 9}}, base_revision=before)
    assert late["error"]["code"] == "conflict"


def test_a_backup_is_made_and_restored(shared: Operator) -> None:
    """Backups are named as they were always named."""
    made = shared.ask("config/backup")["data"]["backup_file"]
    assert made.startswith("cinepi_backup_")
    names = [each["filename"] for each in shared.ask("config/backups")["data"]["backups"]]
    assert made in names
    shared.ask("config/patch", patch={"system": {"backup_days": 99}})
    assert shared.ask("config/restore", file=made)["success"]
    effective = shared.ask("config/get")["data"]["effective"]
    assert effective["system"]["backup_days"] != 99


def test_a_picture_comes_in_parts(shared: Operator, shared_service: RunningService) -> None:
    """The parts make up the file, byte by byte."""
    capture = shared.ask("snapshot/take")["data"]
    answer = shared.ask("captures/get", **{"filename": capture["filename"], "as": "full"})
    transfer = answer["data"]["transfer"]

    def parts() -> list[Heard]:
        return [m for m in list(shared.heard) if m.topic.startswith(transfer["topic"] + "/")]

    wait_for(lambda: len(parts()) == transfer["parts"])
    ordered = sorted(parts(), key=lambda part: int(part.topic.rsplit("/", 1)[1]))
    picture = b"".join(part.payload for part in ordered)
    assert hashlib.sha256(picture).hexdigest() == capture["sha256"]
    assert picture == (shared_service.layout.captures / capture["filename"]).read_bytes()


def test_what_lies_beside_a_picture_comes_by_its_own_name(
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """A second exposure that is found beside a picture is another file of the same shot."""
    service = start_service()
    picture = (service.layout.captures / service.snapshot().filename).read_bytes()
    service.terminate()
    second = picture.replace(b"Exif", b"Exit")
    for ending, content in (("jpg", picture), ("2.jpg", second)):
        (service.layout.captures / f"cinepi_20200101_000000.{ending}").write_bytes(content)
    start_service()
    operator = start_operator()
    start_daemon()
    operator.await_online()
    name = "cinepi_20200101_000000.2.jpg"
    data = operator.ask("captures/get", **{"filename": name, "as": "full"})["data"]
    assert data["capture"]["filename"] == "cinepi_20200101_000000.jpg"
    assert [file["filename"] for file in data["capture"]["files"]] == [name]
    assert data["transfer"]["size"] == len(second)
    topic = data["transfer"]["topic"].removeprefix(f"cinepi/{DEVICE}/")
    assert operator.wait(f"{topic}/0").payload == second


def test_the_preview_of_a_picture_can_be_had(shared: Operator) -> None:
    """It is a JPEG of its own."""
    name = shared.ask("snapshot/take")["data"]["filename"]
    answer = shared.ask("captures/get", **{"filename": name, "as": "preview"})
    topic = answer["data"]["transfer"]["topic"].removeprefix(f"cinepi/{DEVICE}/")
    assert shared.wait(f"{topic}/0").payload.startswith(b"\xff\xd8")


def test_pictures_are_listed_and_deleted(shared: Operator, shared_service: RunningService) -> None:
    """Newest first; what is deleted is gone."""
    name = shared.ask("snapshot/take")["data"]["filename"]
    listed = shared.ask("captures/list", limit=1)["data"]["captures"]
    assert [capture["filename"] for capture in listed] == [name]
    assert shared.ask("captures/delete", filename=name, dry_run=True)["data"]["count"] == 1
    assert shared.ask("captures/delete", filename=name)["message"] == f"{name} deleted"
    assert name not in shared_service.pictures()


def test_a_broadcast_reaches_the_device(shared: Operator) -> None:
    """To all, and to its group; answers come from its own topic."""
    for to in ("_all", "_group/roof"):
        shared.forget()
        shared.send("system/ping", {"spread_ms": 10}, to=to)
        assert shared.answer("system/ping")["success"]


def test_a_broadcast_for_others_is_not_answered(shared: Operator) -> None:
    """Another group, another tag, another version."""
    shared.send("system/ping", to="_group/cellar")
    shared.send("system/ping", {"match": {"tag": "south"}}, to="_all")
    shared.send("system/ping", {"match": {"version": "0.0.0"}}, to="_all")
    shared.send("system/ping", {"match": {"tag": "north"}, "id": "meant"}, to="_all")
    shared.answer("system/ping", id="meant")
    shared.sync()
    assert len(shared.answers("system/ping")) == 2  # that one, and the one of `sync`


def test_every_event_follows_the_last(shared: Operator) -> None:
    """Live events come in order, not retained, and not as a replay."""
    name = shared.ask("snapshot/take")["data"]["filename"]
    event = shared.wait("event/capture_stored", lambda message: message.json["filename"] == name)
    assert event.qos == 1
    assert event.json["type"] == event.json["event_type"] == "capture_stored"
    assert event.json["replay"] is False
    sequence = [each["seq"] for each in shared.events()]
    assert sequence == sorted(set(sequence))


def test_missed_events_can_be_had_again(shared: Operator) -> None:
    """Everything after a sequence number, page by page."""
    shared.ask("snapshot/take")
    seqs: list[int] = []
    after: int | None = 0
    while after is not None:
        page = shared.ask("events/replay", after=after, limit=2)["data"]
        seqs += [event["seq"] for event in page["events"]]
        after = page["next"]
    assert seqs == list(range(1, len(seqs) + 1))


def test_the_newest_picture_is_shown(shared: Operator) -> None:
    """Its document and its preview are retained."""
    name = shared.ask("snapshot/take")["data"]["filename"]
    assert shared.document("capture", filename=name)["sha256"]
    assert shared.wait("image").payload.startswith(b"\xff\xd8")


def test_health_tells_all_that_is_asked_of_it(shared: Operator) -> None:
    """Measured values are there, and what the board cannot tell is null."""
    health = shared.ask("health/check")["data"]
    assert set(health["checks"]) == {"cinepi_modules", "file_system", "configuration", "mqtt"}
    assert health["state"] in ("ok", "degraded")
    assert health["uptime_s"] > 0
    assert health["disk_free_bytes"] > 0
    assert health["service_response_ms"] > 0
    assert health["mqtt"]["protocol"] == "5.0"
    assert health["mqtt"]["round_trip_ms"] > 0
    assert health["journal_depth"] is not None
