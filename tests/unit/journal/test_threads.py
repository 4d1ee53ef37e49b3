import threading

from cinepi.envelope import Command
from cinepi.journal.filter import Filter
from cinepi.journal.journal import Journal
from cinepi.model.events import StorageRecovered
from cinepi.protocol import BackupResult

WRITERS = 3
READERS = 2
EACH = 60


def test_writers_and_readers_do_not_disturb_each_other(journal: Journal) -> None:
    """Threads that write and read at once see whole transactions, in order, without holes."""
    failures: list[str] = []
    written = threading.Event()

    def write(number: int) -> None:
        for turn in range(EACH):
            with journal.transaction() as transaction:
                seq = transaction.append(StorageRecovered(free_bytes=number))
                transaction.append(StorageRecovered(free_bytes=number))
                transaction.set_value("newest", str(seq + 1))
                command = Command(id=f"{number}-{turn}", fingerprint="f", context="c")
                transaction.finish(command, BackupResult(backup_file="b"))
            journal.mark_answered([command.id])

    def read() -> None:
        cursor = 0
        while not written.is_set() or cursor < journal.last_seq:
            result = journal.events(cursor, 50)
            seqs = [entry.seq for entry in result.events]
            if seqs != list(range(cursor + 1, cursor + 1 + len(seqs))) or result.lost:
                failures.append(f"after {cursor}: {seqs}, lost {result.lost}")
            if result.last % 2 or int(journal.value("newest") or 0) % 2:
                failures.append("half a transaction was seen")
            cursor = seqs[-1] if seqs else cursor
            journal.captures(Filter())
            journal.unanswered()

    writers = [
        threading.Thread(target=write, args=[number], name=f"write-{number}")
        for number in range(WRITERS)
    ]
    readers = [threading.Thread(target=read, name=f"read-{n}") for n in range(READERS)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join(30)
    written.set()
    for thread in readers:
        thread.join(30)
    assert not [thread.name for thread in writers + readers if thread.is_alive()]
    assert failures == []
    assert journal.last_seq == 2 * WRITERS * EACH
    assert journal.unanswered().requests == ()
