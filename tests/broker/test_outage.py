"""Broker, service or daemon gone in the middle: nothing is lost, and nothing happens twice."""

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from cinepi.client import short_address
from cinepi.clock import SystemClock
from cinepi.envelope import Command
from cinepi.journal.journal import Journal
from cinepi.journal.requests import PAGE
from cinepi.model.events import StorageRecovered
from cinepi.paths import Layout
from cinepi.protocol import BackupResult
from cinepid.payloads import ReplyTo
from tests.broker.running import Operator, RunningBroker, RunningDaemon, wait_for
from tests.service.running import LIMIT, RunningService
from tests.stalls import counted_stalls

BACKLOG = 300


def _fill_journal(root: Path, count: int, *, max_rows: int = 100_000) -> None:
    """Events that nobody has been told of, from before."""
    path = Layout(root).journal
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(path, clock=_Earlier(), boot="00000000", max_rows=max_rows)
    with journal.transaction() as tx:
        for number in range(count):
            tx.append(StorageRecovered(free_bytes=number))
    journal.close()


def _fill_with_answers(root: Path, ids: Sequence[str]) -> None:
    """Commands that were done, and whose senders have not heard so."""
    path = Layout(root).journal
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(path, clock=SystemClock(), boot="00000000")
    context = msgspec.json.encode(ReplyTo(command="config/backup")).decode()
    with journal.transaction() as tx:
        for name in ids:
            tx.finish(
                Command(id=name, fingerprint="f", context=context), BackupResult(backup_file=name)
            )
    journal.close()


class _Earlier(SystemClock):
    """An hour ago."""

    def wall(self) -> float:
        """See `Clock.wall`."""
        return super().wall() - 3600


def _begin_journal_anew(root: Path, count: int) -> None:
    """Put another journal, with so many events, in the place of the one there is."""
    journal = Layout(root).journal
    for file in journal.parent.glob(f"{journal.name}*"):
        file.unlink()
    _fill_journal(root, count)


def _sequence(operator: Operator) -> list[int]:
    return [event["seq"] for event in operator.events()]


def test_a_backlog_comes_in_order_and_marked(
    tmp_path: Path,
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """All of it is delivered once, as a replay; what happens now is none."""
    _fill_journal(tmp_path, BACKLOG)
    operator = start_operator()
    service = start_service()
    start_daemon()
    wait_for(lambda: len(operator.events()) > BACKLOG)
    service.snapshot()
    operator.wait("event/capture_stored")
    assert _sequence(operator) == list(range(1, len(_sequence(operator)) + 1))
    old = operator.events("storage_recovered")
    assert [event["free_bytes"] for event in old] == list(range(BACKLOG))
    assert all(event["replay"] for event in old)
    assert not any(event["replay"] for event in operator.events("capture_stored"))


def test_commands_are_not_behind_a_backlog(
    tmp_path: Path,
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """A live command is answered while old events are still coming."""
    _fill_journal(tmp_path, 10_000)
    operator = start_operator()
    start_service()
    start_daemon()
    wait_for(lambda: len(operator.events()) > 50)
    before = len(operator.events())
    assert operator.ask("session/get")["success"]
    assert len(operator.events()) - before < 100  # less than two seconds' worth
    operator.ask("events/replay", id="page", limit=500)
    page = operator.wait("response/events/replay")
    assert len(page.payload) <= 64 * 1024
    assert page.json["data"]["next"] == len(page.json["data"]["events"])


def test_answers_that_were_kept_back_all_come(
    tmp_path: Path,
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """However many they are: each once."""
    ids = [f"late-{number}" for number in range(2 * PAGE + 1)]
    _fill_with_answers(tmp_path, ids)
    operator = start_operator()
    start_service()
    start_daemon()
    wait_for(lambda: operator.answers("config/backup", id=ids[-1]))
    operator.sync()
    assert [answer["id"] for answer in operator.answers("config/backup")] == ids


def test_what_the_journal_dropped_is_counted(
    tmp_path: Path,
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """One gap says how many events are missing and which."""
    _fill_journal(tmp_path, 500, max_rows=100)
    operator = start_operator()
    start_service()
    start_daemon()
    wait_for(lambda: operator.events("service_started"))
    [gap] = operator.events("gap")
    rest = [event["seq"] for event in operator.events() if event["type"] != "gap"]
    assert gap["from_seq"] == 1
    assert gap["to_seq"] == gap["count"] == rest[0] - 1
    assert rest == list(range(rest[0], rest[-1] + 1))


@pytest.mark.alone
def test_events_of_an_outage_come_after_it(
    operator: Operator,
    service: RunningService,
    broker: RunningBroker,
) -> None:
    """Frames go on while the broker is away, and each is told of, in order."""
    with counted_stalls() as stalls:
        operator.ask("session/start", interval=1)
        operator.wait("event/session_started")
        broker.stop()
        service.frames_reach(3)
        broker.start()
        wait_for(lambda: len(operator.events("capture_stored")) >= 3)
        missed = service.session().missed
    sequence = sorted(set(_sequence(operator)))
    assert sequence == list(range(sequence[0], sequence[-1] + 1))
    assert missed <= stalls.slots


def test_a_restarted_daemon_goes_on_where_it_was(
    start_operator: Callable[..., Operator],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """A clean stop forgets nothing and repeats nothing."""
    operator = start_operator()
    daemon = start_daemon()
    operator.await_online()
    operator.ask("snapshot/take")
    operator.wait("event/capture_stored")
    daemon.terminate()
    service.snapshot()
    start_daemon()
    wait_for(lambda: len(operator.events("capture_stored")) == 2)
    operator.sync()
    assert len(set(_sequence(operator))) == len(_sequence(operator))


@pytest.mark.parametrize("payload", [{"id": "given"}, None], ids=["with id", "without id"])
def test_a_killed_daemon_answers_once_and_takes_one_picture(
    start_operator: Callable[..., Operator],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
    payload: dict[str, str] | None,
) -> None:
    """The command was under way when the daemon died; the next one answers it."""
    operator = start_operator()
    daemon = start_daemon()
    operator.await_online()
    service.fault("slow", seconds=1.0)
    operator.send("snapshot/take", payload)
    operator.ask("session/get")  # so the earlier command is under way
    daemon.kill()
    service.mend()
    second = start_daemon()
    answer = operator.answer("snapshot/take")
    assert answer["success"], answer
    operator.sync()
    assert len(operator.answers("snapshot/take")) == 1
    assert len(service.pictures()) == 1
    second.terminate()


def test_a_killed_service_takes_one_picture_all_the_same(
    operator: Operator,
    service: RunningService,
    start_service: Callable[[], RunningService],
) -> None:
    """The command waits for the service to be back, and is done once."""
    service.fault("slow", seconds=1.0)
    operator.send("snapshot/take", {"id": "brave"})
    operator.send("session/get")
    operator.answer("session/get")
    service.kill()
    service.mend()
    again = start_service()
    answer = operator.answer("snapshot/take", id="brave")
    assert answer["success"], answer
    operator.sync()
    assert len(operator.answers("snapshot/take", id="brave")) == 1
    assert len(again.pictures()) == 1


def test_an_answer_that_the_broker_missed_is_delivered_later(
    operator: Operator, service: RunningService, broker: RunningBroker
) -> None:
    """The broker went while the picture was taken."""
    service.fault("slow", seconds=1.0)
    operator.send("snapshot/take", {"id": "unheard"})
    operator.sync()
    broker.stop()
    wait_for(lambda: len(service.pictures()) == 1)
    service.mend()
    broker.start()
    answer = operator.answer("snapshot/take", id="unheard")
    assert answer["success"]
    operator.await_online()
    operator.sync()
    assert len(operator.answers("snapshot/take", id="unheard")) == 1
    assert len(service.pictures()) == 1


@pytest.mark.parametrize("qos", [0, 1])
def test_an_answer_that_nobody_could_send_is_sent_after_the_crash(  # noqa: PLR0917
    operator: Operator,
    service: RunningService,
    broker: RunningBroker,
    start_daemon: Callable[..., RunningDaemon],
    daemons: list[RunningDaemon],
    qos: int,
) -> None:
    """The picture was taken, the broker hung, the daemon died: the journal has the answer."""
    service.fault("slow", seconds=1.0)
    operator.send("snapshot/take", {"id": "stuck"}, qos=qos)
    operator.sync()
    broker.freeze()
    wait_for(lambda: service.events("capture_stored"))
    daemons[-1].kill()
    service.mend()
    broker.thaw()
    start_daemon()
    answer = operator.answer("snapshot/take", id="stuck")
    assert answer["data"]["filename"] == service.pictures()[0]
    operator.await_online()
    operator.sync()
    assert len(operator.answers("snapshot/take", id="stuck")) == 1
    assert len(service.pictures()) == 1


def test_what_was_answered_is_not_answered_again(
    operator: Operator,
    start_daemon: Callable[..., RunningDaemon],
    daemons: list[RunningDaemon],
) -> None:
    """A clean restart right after an answer delivers nothing twice."""
    operator.ask("snapshot/take", id="done")
    daemons[-1].terminate()
    operator.document("status", state="offline")
    start_daemon()
    operator.document("status", state="online")
    operator.sync()
    assert len(operator.answers("snapshot/take", id="done")) == 1


def test_commands_kept_while_the_device_was_away_are_judged_by_their_age(
    start_operator: Callable[..., Operator],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """Nobody knows how old they are: no picture is taken, but what is right at any age is done."""
    operator = start_operator()
    first = start_daemon()
    operator.await_online()
    operator.ask("session/start", interval=3600)
    first.terminate()
    operator.document("status", state="offline")
    before = service.pictures()
    operator.send("snapshot/take", {"id": "kept-1"})
    operator.send("session/stop", {"id": "kept-2"})
    start_daemon()
    assert operator.answer("snapshot/take", id="kept-1")["error"]["code"] == "expired"
    assert operator.answer("session/stop", id="kept-2")["data"]["state"] == "idle"
    operator.document("status", state="online")
    assert service.pictures() == before
    assert operator.ask("snapshot/take")["success"]


def test_what_was_too_late_once_stays_so(
    start_operator: Callable[..., Operator],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """A daemon that died after the refusal does not do it when the broker delivers it again."""
    operator = start_operator()
    for number in (1, 2):
        daemon = start_daemon()
        operator.document("status", state="online")
        daemon.terminate()
        operator.document("status", state="offline")
        if number == 1:
            operator.send("snapshot/take", {"id": "late"})
    start_daemon()
    operator.document("status", state="online")
    operator.send("snapshot/take", {"id": "late"})
    operator.sync()
    answers = operator.answers("snapshot/take", id="late")
    assert {answer["error"]["code"] for answer in answers} == {"expired"}
    assert service.pictures() == []


def test_what_was_done_is_never_too_late_to_be_answered(
    start_operator: Callable[..., Operator],
    service: RunningService,
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """A copy of unknown age, of a command that is done already, gets the answer of the first."""
    operator = start_operator()
    first = start_daemon()
    operator.await_online()
    taken = operator.ask("snapshot/take", id="once")["data"]["filename"]
    first.terminate()
    operator.document("status", state="offline")
    operator.send("snapshot/take", {"id": "once"})
    start_daemon()
    operator.document("status", state="online")
    operator.sync()
    answers = operator.answers("snapshot/take", id="once")
    assert [answer["data"]["filename"] for answer in answers] == [taken] * len(answers)
    assert len(answers) > 1
    assert service.pictures() == [taken]


def test_without_a_service_commands_fail_at_once(
    operator: Operator, service: RunningService
) -> None:
    """The daemon stays, and says what is missing."""
    service.kill()
    camera = operator.document("camera", connected=False)
    assert "camera service" in camera["problem"]
    answer = operator.ask("snapshot/take")
    assert answer["error"]["code"] == "camera_unavailable"
    assert answer["error"]["retryable"]
    assert operator.ask("system/ping")["data"]["camera_service"] is False
    assert operator.ask("health/check")["data"]["checks"]["cinepi_modules"]["state"] == "failing"
    assert operator.ask("logs/recent")["success"]


def test_a_service_that_comes_back_is_told(
    operator: Operator,
    service: RunningService,
    start_service: Callable[[], RunningService],
) -> None:
    """State follows the service, not the daemon's start."""
    service.kill()
    operator.document("camera", connected=False)
    start_service()
    operator.document("camera", connected=True)
    assert operator.ask("snapshot/take")["success"]


def test_a_journal_begun_anew_is_told_from_its_beginning(
    tmp_path: Path,
    start_operator: Callable[..., Operator],
    start_service: Callable[[], RunningService],
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    """Also where it has grown past the place that the daemon had reached in the old one."""
    operator = start_operator()
    service = start_service()
    daemon = start_daemon()
    operator.wait("event/service_started")
    operator.sync()
    daemon.terminate()
    service.close()
    _begin_journal_anew(tmp_path, 20)
    operator.forget()
    start_service()
    start_daemon()
    operator.wait("event/service_started")
    assert _sequence(operator)[0] == 1


def test_what_was_under_way_from_an_old_journal_skips_nothing_of_the_new_one(  # noqa: PLR0917
    tmp_path: Path,
    operator: Operator,
    service: RunningService,
    broker: RunningBroker,
    daemons: list[RunningDaemon],
    start_service: Callable[[], RunningService],
) -> None:
    """The broker's word for events of the old one comes after the new one was met."""
    operator.sync()
    broker.freeze()
    for _ in range(5):
        service.snapshot()
    service.close()
    _begin_journal_anew(tmp_path, 20)
    start_service()
    wait_for(lambda: any("a new one" in line["message"] for line in daemons[-1].log()))
    operator.forget()
    broker.thaw()
    wait_for(lambda: [event for event in operator.events("service_started") if event["seq"] > 20])
    assert set(range(1, 21)) <= set(_sequence(operator))


def test_a_service_that_is_of_no_use_is_not_stormed(
    tmp_path: Path, start_daemon: Callable[..., RunningDaemon]
) -> None:
    """One that takes the connection and hangs up is tried ten times a second, and less later."""
    path = Layout(tmp_path).socket
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with short_address(path) as address:
            listener.bind(address)
        listener.listen()
        listener.settimeout(LIMIT)
        start_daemon()
        listener.accept()[0].close()
        began = time.monotonic()
        for _ in range(10):
            listener.accept()[0].close()
    assert time.monotonic() - began > 0.9
