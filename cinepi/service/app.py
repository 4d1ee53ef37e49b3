"""The process: what is started, in which order, and how it is undone in reverse."""

import functools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Never

import msgspec

from cinepi import __version__, systemd
from cinepi.camera.camera import Camera
from cinepi.capture.reconcile import Awaited, reconcile
from cinepi.capture.removal import finish_removals
from cinepi.capture.store import Store
from cinepi.capture.take import Taker
from cinepi.client import short_address
from cinepi.clock import Clock, new_run_id, system_clock
from cinepi.errors import (
    CinepiError,
    PermissionDeniedError,
    Problem,
    StorageFullError,
)
from cinepi.heap import share
from cinepi.journal.journal import Journal, Transaction
from cinepi.lock import only_one
from cinepi.logs.setup import logger, set_level, set_up
from cinepi.model.events import CameraLost, CameraRecovered, ServiceStarted
from cinepi.model.settings import CameraSettings, Config
from cinepi.paths import Layout
from cinepi.service.board import Board
from cinepi.service.configuration import Configuration
from cinepi.service.monitor import Monitor
from cinepi.service.parts import Parts
from cinepi.service.probe import FolderProbe
from cinepi.service.requests import Requests
from cinepi.service.server import Server
from cinepi.service.stopping import Stopping
from cinepi.service.storage import Storage
from cinepi.timing import realtime
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.session import Session
from cinepi.timing.shutter import Shutter
from cinepi.units import MonotonicTime, Seconds
from cinepi.vigil import EXIT_HANGS, LIMIT, TURN, Vigil, end_soon

EXIT_CAMERA = 75
"""The process ended because of the camera (EX_TEMPFAIL): start it again."""

STOP_LIMIT: Seconds = 10.0
"""How long a clean stop waits for the camera thread."""

LEAVE_LIMIT: Seconds = 1.0
"""How long the end of the process waits for methods that run: no picture is taken meanwhile."""

FIRST_LOOK_LIMIT: Seconds = 3.0
"""How long clients wait at the start for the camera to open; a Pi's takes about one second."""

_EXITS, _EXITS_IN_A_ROW = "camera_exits", "camera_exits_in_a_row"
_log = logger("service")


def run(layout: Layout, *, idle_exit: Seconds | None = None) -> None:
    """Serve until SIGTERM, or until idle for `idle_exit` seconds.

    Raises:
        ConflictError: A service runs already below the same root.
        PermissionDeniedError: A folder may not be used.
    """
    share()
    clock = system_clock()
    stopping = Stopping()
    with ExitStack() as stack:
        make_folders(layout)
        one = f"a camera service below {layout.root}"
        stack.enter_context(only_one(layout.journal.parent, one))
        listener = stack.enter_context(listen(layout))
        journal = Journal(layout.journal, clock=clock, boot=new_run_id())
        stack.callback(journal.close)
        configuration = Configuration(layout, clock, journal)
        set_up(layout.log, configuration.config.system.log_level, to_stderr=idle_exit is None)
        parts = _make_parts(layout, clock, journal, configuration)
        vigil = Vigil(clock, _end)
        server = Server(listener, Requests(parts, journal), parts.board, clock, vigil)
        stack.callback(server.close)

        def is_idle(now: MonotonicTime) -> bool:
            return (
                idle_exit is not None
                and not server.connections
                and parts.keeper.running is None
                and now - server.last_used > idle_exit
            )

        monitor = Monitor(
            parts,
            give_up=functools.partial(_give_up, journal),
            is_idle=is_idle,
            leave=stopping.ask,
            turned=lambda: vigil.beat("monitor"),
        )
        vigil.expect("monitor")
        _start(stack, "monitor", monitor.run, monitor.stop)
        # One that hangs is the monitor's business; both at once are not.
        vigil.expect(
            "shutter",
            lambda: parts.shutter.progressed_at,
            lambda: monitor.patience() + LIMIT,
        )
        _start(stack, "shutter", parts.shutter.run, parts.shutter.stop)
        # The first question is often how the camera is: better late than "not opened yet".
        parts.shutter.has_looked.wait(FIRST_LOOK_LIMIT)
        _start(stack, "server", server.serve, server.close)
        if idle_exit is not None:  # whoever comes while it leaves starts one of its own
            stack.callback(layout.socket.unlink, missing_ok=True)
        _log.info("service started", version=__version__, root=str(layout.root))
        systemd.notify("READY=1")
        # A tenth of what starting costs, and the next picture can do without.
        from cinepi.service.calendar import make_calendar  # noqa: PLC0415

        calendar = make_calendar(parts, lambda: vigil.beat("calendar"))
        calendar.start()
        stack.callback(calendar.shutdown, wait=False)
        vigil.expect("calendar")
        vigil.expect("main")
        vigil.start()
        while not stopping.wait(TURN):
            calendar.wakeup()
            vigil.beat("main")
        vigil.stop()
        systemd.notify("STOPPING=1")
        _log.info("service stops")
    end_soon(0, LEAVE_LIMIT)  # all is closed; what is still asked for, nobody is there to hear


def _make_parts(
    layout: Layout, clock: Clock, journal: Journal, configuration: Configuration
) -> Parts:
    """Make everything and tie it together: who is told of which change."""
    board = Board()
    store = Store(layout.captures, clock)
    has_begun = _begin(store, journal)
    journal.on_append(board.journal_grew)

    def camera_changed() -> None:
        board.post("camera", lambda: camera.document())  # noqa: PLW0108 - it is made further down

    def session_changed() -> None:
        board.post("session", keeper.document)
        shutter.wake()

    def storage_changed() -> None:
        board.post("storage", storage.document)

    def camera_event(event: msgspec.Struct) -> None:
        is_back = isinstance(event, CameraRecovered)
        journal.tell(event, _end_exits_in_a_row if is_back else None)

    camera = Camera(
        configuration.config.camera,
        layout=layout,
        clock=clock,
        on_change=camera_changed,
        on_event=camera_event,
        give_up=lambda reason: _give_up(journal, reason, keeper.lose_to_camera),
        exits=journal.count(_EXITS),
        exits_in_a_row=journal.count(_EXITS_IN_A_ROW),
    )
    taker = Taker(camera, store, journal, clock)
    keeper = SessionKeeper(journal, clock, on_change=session_changed)
    storage = Storage(
        store=store,
        taker=taker,
        journal=journal,
        keeper=keeper,
        clock=clock,
        settings=lambda: configuration.config.capture,
        on_change=storage_changed,
        catch_up=None if has_begun else lambda: _put_in_order(store, journal),
    )
    shutter = Shutter(
        keeper=keeper,
        camera=camera,
        taker=taker,
        storage=storage,
        clock=clock,
        config=lambda: configuration.config,
    )
    taker.exposed = realtime.give_back
    taker.stored = lambda capture: board.post("capture", lambda: capture)

    def in_transaction(tx: Transaction, config: Config, changed: tuple[str, ...]) -> None:
        if "/capture/interval" in changed:
            keeper.change_interval(tx, config.capture.interval)

    def applied(config: Config, changed: tuple[str, ...]) -> None:
        set_level(config.system.log_level)
        if any(path.startswith("/camera") or path == "" for path in changed):
            shutter.follow()
        board.post("config", configuration.document)
        session_changed()

    configuration.guard = lambda config, changed: [
        Problem(f"/camera{problem.field}", problem.message)
        for problem in camera.check(_camera_changes(config, changed))
    ]
    configuration.in_transaction = in_transaction
    configuration.applied = applied
    with suppress(StorageFullError):  # the monitor tries again
        keeper.take_up() if has_begun else None
    configuration.finish_interrupted()
    return Parts(
        layout=layout,
        clock=clock,
        journal=journal,
        configuration=configuration,
        store=store,
        camera=camera,
        taker=taker,
        keeper=keeper,
        storage=storage,
        shutter=shutter,
        board=board,
        probe=FolderProbe(layout.captures, clock),
    )


def _end_exits_in_a_row(tx: Transaction) -> None:
    tx.set_value(_EXITS_IN_A_ROW, "0")


def _begin(store: Store, journal: Journal) -> bool:
    """Put folder and index in order and note the start; False where a full disk did not let us."""
    try:
        finish_removals(store, journal)
        _put_in_order(store, journal)
    except StorageFullError as error:  # who could make room, if not a service that runs?
        _log.error("started on a full disk", reason=str(error))
        return False
    return True


def _put_in_order(store: Store, journal: Journal) -> None:
    for _ in reconcile(store, journal, _awaited(journal)):
        systemd.take_more_time("indexing pictures")
    with journal.transaction() as tx:
        reason = "start" if journal.ended_cleanly else "after_crash"
        tx.append(ServiceStarted(version=__version__, reason=reason))


def _awaited(journal: Journal) -> Awaited | None:
    """The frame that a crash may have left on the disk and in no index."""
    session = journal.saved_session(Session)
    if session is None or not session.is_running:
        return None
    return Awaited(session.id, session.slot)


def _camera_changes(config: Config, changed: tuple[str, ...]) -> dict[str, object]:
    """The camera's new values, without those that stay."""
    keys = {path.removeprefix("/camera/") for path in changed if path.startswith("/camera/")}
    return {key: getattr(config.camera, key) for key in keys if key in _CAMERA_KEYS}


_CAMERA_KEYS = frozenset(CameraSettings.__struct_fields__)


def _start(stack: ExitStack, name: str, live: Callable[[], None], stop: Callable[[], None]) -> None:
    """Run a loop in a thread of its own; if it dies the process ends, to be started again."""

    def run_or_die() -> None:
        try:
            live()
        except Exception:  # noqa: BLE001 - a dead loop must not go unnoticed, whatever killed it
            _log.exception("loop died", loop=name)
            os._exit(1)

    thread = threading.Thread(target=run_or_die, name=name, daemon=True)
    thread.start()

    def end() -> None:
        stop()
        thread.join(STOP_LIMIT)

    stack.callback(end)


def _give_up(journal: Journal, reason: str, also: Callable[[Transaction], None]) -> Never:
    """End the process because of the camera; whoever supervises it starts it again.

    In bounded time, also where a disk hangs and with it the journal and the log. What `also`
    writes joins the transaction.
    """
    end_soon(EXIT_CAMERA)
    _log.critical("giving up", reason=reason)
    try:
        with journal.transaction() as tx:
            for key in (_EXITS, _EXITS_IN_A_ROW):
                tx.set_value(key, str(journal.count(key) + 1))
            tx.append(CameraLost(message=reason, rung="restart_process"))
            also(tx)
    except CinepiError as error:
        _log.error("not journalled", reason=str(error))
    finally:
        os._exit(EXIT_CAMERA)  # a hung camera library would block a normal exit


def _end(reason: str) -> None:
    """End the process because something in it hangs that is not the camera."""
    end_soon(EXIT_HANGS)
    _log.critical("giving up", reason=reason)
    os._exit(EXIT_HANGS)


def make_folders(layout: Layout) -> None:
    """Make every folder that the service writes in.

    Raises:
        PermissionDeniedError: Naming the folder and what to do.
    """
    for folder in (
        layout.captures,
        layout.backups,
        layout.journal.parent,
        layout.log.parent,
        layout.socket.parent,
    ):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = (
                f"cannot make the folder {folder}: {error.strerror}; "
                "run as the user cinepi, or set CINEPI_ROOT to a folder of your own"
            )
            raise PermissionDeniedError(message) from error


@contextmanager
def listen(layout: Layout) -> Iterator[socket.socket]:
    """The listening socket: systemd's, or our own in place of whatever an earlier run left."""
    if passed := systemd.passed_socket():
        with passed:
            yield passed
        return
    layout.socket.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with short_address(layout.socket) as address:
            listener.bind(address)
        layout.socket.chmod(0o660)
        listener.listen()
        yield listener
    layout.socket.unlink(missing_ok=True)
