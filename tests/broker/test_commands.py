"""What an operator sees who sends commands."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.broker.running import DEVICE, Heard, Operator, wait_for
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


def test_a_wrong_value_is_named_with_its_range(shared: Operator) -> None:
    """The answer says which field, what is allowed, and that a retry is no use."""
    answer = shared.ask("camera/set", iso=5000)
    assert not answer["success"]
    assert answer["error"]["code"] == "invalid_argument"
    assert answer["error"]["field"] == "/iso"
    assert "between 100 and 800" in answer["error"]["message"]
    assert answer["error"]["retryable"] is False


def test_all_wrong_values_are_named_at_once(shared: Operator) -> None:
    """Nobody has to mend one mistake after the other."""
    error = shared.ask("camera/set", iso=1, gain=99, quality=0, zoom=2)["error"]
    assert {field for field, _ in error["problems"]} == {"/iso", "/gain", "/quality", "/zoom"}


def test_settings_are_changed_and_told(shared: Operator) -> None:
    """The retained camera document follows a change."""
    answer = shared.ask("camera/set", exposure_mode="manual", iso=200, quality=90)
    assert answer["success"], answer
    camera = wait_for(lambda: (d := shared.newest("camera")) and d["settings"]["iso"] == 200 and d)
    assert camera["settings"]["exposure_mode"] == "manual"


@pytest.mark.parametrize(
    ("command", "hint"),
    [("session/strat", "did you mean session/start?"), ("nonsense", "known are ")],
)
def test_an_unknown_command_gets_a_hint(shared: Operator, command: str, hint: str) -> None:
    """A typing mistake is answered with what may have been meant."""
    shared.send(command, {"id": command})
    channel = f"response/{command}"
    error = shared.wait(channel, lambda message: message.json["id"] == command).json["error"]
    assert error["code"] == "unknown_command"
    assert hint in error["message"]


def test_a_refusal_repeats_the_id_of_its_command(shared: Operator) -> None:
    """Whoever waits for the answer to its own id hears why, even where another key is wrong."""
    shared.send("system/ping", {"id": "half-right", "ttl_s": "soon"})
    answer = shared.wait("response/system/ping", lambda m: m.json["id"] == "half-right").json
    assert answer["error"]["field"] == "/ttl_s"


def test_an_unknown_argument_gets_a_hint(shared: Operator) -> None:
    """So does a typing mistake in an argument."""
    error = shared.ask("session/start", intervall=5)["error"]
    assert error["field"] == "/intervall"
    assert "did you mean interval?" in error["message"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"not json", "invalid_argument"),
        (b"[1, 2]", "invalid_argument"),
        (b'{"interval": NaN}', "invalid_argument"),
        (b'{"interval": 1e999}', "invalid_argument"),
        (b'{"interval": 5, "interval": 6}', "invalid_argument"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "invalid_argument"),
        (b"\xff\xfe", "invalid_argument"),
        (b'{"id": ""}', "invalid_argument"),
        (b'{"id": "' + b"x" * 65 + b'"}', "invalid_argument"),
        (b'{"name": "' + b"x" * 20_000 + b'"}', "too_large"),
        (b"x" * 1_000_000, "too_large"),
    ],
)
def test_bad_input_costs_one_answer(shared: Operator, payload: bytes, code: str) -> None:
    """It starts nothing, and the next command is answered as ever."""
    shared.send("session/start", payload)
    assert shared.answer("session/start")["error"]["code"] == code
    assert shared.ask("session/get")["data"]["state"] == "idle"


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


@pytest.mark.parametrize("name", ["../secret.jpg", "cinepi_20260101_000000.jpg\n", "a.jpg"])
def test_no_other_file_can_be_reached(shared: Operator, name: str) -> None:
    """A name that is none of a picture is refused."""
    for command in ("captures/get", "captures/delete"):
        assert shared.ask(command, filename=name)["error"]["code"] == "invalid_argument"


def test_long_work_says_that_it_has_begun(shared: Operator, shared_service: RunningService) -> None:
    """After a second there is a first answer; exactly one is final."""
    shared_service.fault("slow", seconds=1.5)
    try:
        answer = shared.ask("snapshot/take", id="slow-one")
    finally:
        shared_service.mend()
    assert answer["success"], answer
    topic = f"cinepi/{DEVICE}/response/snapshot/take"
    mine = [m.json for m in shared.heard if m.topic == topic and m.json["id"] == "slow-one"]
    assert [each["final"] for each in mine] == [False, True]


def test_stopping_does_not_wait_for_the_camera(
    shared: Operator, shared_service: RunningService
) -> None:
    """What stops a session is not behind a slow picture."""
    shared.ask("session/start", interval=3600)
    shared_service.fault("slow", seconds=1.5)
    try:
        shared.send("snapshot/take", {"id": "slow-two"})
        assert shared.ask("session/get")["success"]
        assert shared.answers("snapshot/take", id="slow-two") == []
        shared.ask("session/stop")
        shared.answer("snapshot/take", id="slow-two")
    finally:
        shared_service.mend()


def test_a_full_lane_is_busy(shared: Operator, shared_service: RunningService) -> None:
    """The queue is bounded; who comes too late is told so and may try again."""
    shared_service.fault("slow", seconds=1)
    for number in range(40):
        shared.send("camera/set", {"id": f"lane-{number}", "iso": 100 + number})
        if number == 0:
            shared.send("snapshot/take", {"id": "lane-first"})
    wait_for(
        lambda: sum(bool(shared.answers("camera/set", id=f"lane-{n}")) for n in range(40)) == 40
    )
    shared_service.mend()
    answers = [shared.answers("camera/set", id=f"lane-{n}")[0] for n in range(40)]
    busy = [answer for answer in answers if not answer["success"]]
    assert all(answer["error"]["code"] == "busy" for answer in busy)
    assert all(answer["error"]["retryable"] for answer in busy)


def test_commands_on_one_thing_are_done_in_order(shared: Operator) -> None:
    """The last of many changes is the one that stays."""
    for iso in range(100, 120):
        shared.send("camera/set", {"iso": iso})
    wait_for(lambda: len(shared.answers("camera/set")) == 20)
    done = [answer["data"]["settings"]["iso"] for answer in shared.answers("camera/set")]
    assert done == list(range(100, 120))


def test_a_slow_picture_does_not_keep_the_broker_from_sending(
    shared: Operator, shared_service: RunningService
) -> None:
    """More commands come through behind it than a broker sends without acknowledgements."""
    shared_service.fault("slow", seconds=1.5)
    try:
        shared.send("snapshot/take", {"id": "slow-three"})
        for number in range(40):
            shared.send("system/ping", {"id": f"behind-{number}"})
        wait_for(lambda: all(shared.answers("system/ping", id=f"behind-{n}") for n in range(40)))
        assert shared.answers("snapshot/take", id="slow-three") == []
        shared.answer("snapshot/take", id="slow-three")
    finally:
        shared_service.mend()


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


def test_only_some_commands_are_taken_from_all(shared: Operator) -> None:
    """Nobody deletes the pictures of a fleet with one message."""
    shared.send("captures/delete", {"kind": "frame"}, to="_all")
    assert shared.answer("captures/delete")["error"]["code"] == "not_supported"


def _time(offset_s: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=offset_s)).isoformat()


def test_a_command_past_its_time_is_not_done(
    shared: Operator, shared_service: RunningService
) -> None:
    """`expires_at` is kept."""
    before = shared_service.pictures()
    assert shared.ask("snapshot/take", expires_at=_time(-5))["error"]["code"] == "expired"
    assert shared_service.pictures() == before
    assert shared.ask("snapshot/take", expires_at=_time(60))["success"]
    assert shared.ask("snapshot/take", expires_at="soon")["error"]["field"] == "/expires_at"


def test_without_a_trusted_clock_no_time_is_judged(
    shared: Operator, shared_service: RunningService
) -> None:
    """It is done, and the answer says so."""
    shared_service.set_clock(offset_s=0, synced=False)
    try:
        answer = shared.ask("snapshot/take", expires_at=_time(-5))
    finally:
        shared_service.set_clock(offset_s=0, synced=True)
    assert answer["success"]
    assert "clock" in answer["warnings"][0]


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


def test_what_went_wrong_is_told_as_a_log_message_too(shared: Operator) -> None:
    """Warnings are published, with their particulars, and not retained."""
    shared.send("no/such-command-1")
    message = shared.wait("log/warning", lambda m: m.json["fields"].get("command") is not None)
    assert message.json["message"] == "refused"
    assert not message.retain


def test_a_flood_of_mistakes_is_one_of_few_log_messages(shared: Operator) -> None:
    """The log topic has a rate limit, and counts what it leaves out."""
    for number in range(100):
        shared.send("no/such-command", {"id": f"flood-{number}"})
    wait_for(lambda: len([m for m in shared.heard if "/response/no/" in m.topic]) >= 100)
    shared.sync()
    logged = [m for m in shared.heard if m.topic.endswith("/log/warning")]
    assert len(logged) <= 25


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
