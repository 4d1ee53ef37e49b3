"""What has to wait, what does not, and what comes too late."""

from datetime import UTC, datetime, timedelta

from tests.broker.running import DEVICE, Operator, wait_for
from tests.service.running import RunningService


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
