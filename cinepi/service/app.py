"""The process: what is started, in which order, and how it is undone in reverse."""

from contextlib import ExitStack

from cinepi import __version__, systemd
from cinepi.clock import new_run_id, system_clock
from cinepi.heap import share
from cinepi.journal.journal import Journal
from cinepi.lock import only_one
from cinepi.logs.setup import logger, set_level, set_up
from cinepi.paths import Layout
from cinepi.service.assembly import assemble, register_documents
from cinepi.service.folders import make_folders
from cinepi.service.giving_up import end
from cinepi.service.idle import Idle
from cinepi.service.in_force import InForce
from cinepi.service.listening import listen
from cinepi.service.loops import start
from cinepi.service.monitor import Monitor
from cinepi.service.parts import Parts
from cinepi.service.requests import Requests
from cinepi.service.server import Server
from cinepi.service.stopping import Stopping
from cinepi.units import Seconds
from cinepi.vigil import LIMIT, TURN, Vigil, end_soon

LEAVE_LIMIT: Seconds = 1.0
"""How long the end of the process waits for methods that run: no picture is taken meanwhile."""

FIRST_LOOK_LIMIT: Seconds = 3.0
"""How long clients wait at the start for the camera to open; a Pi's takes about one second."""

_FIRST_LEVEL = "info"  # until the configuration is read, which is worth a line itself
_log = logger("service")


def run(layout: Layout, *, idle_exit: Seconds | None = None) -> None:
    """Serve until SIGTERM, or until idle for `idle_exit` seconds.

    Raises:
        ConflictError: A service runs already below the same root.
        PermissionDeniedError: A file or folder belongs to somebody else; says whose it is.
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
        set_up(layout.log, _FIRST_LEVEL, to_stderr=idle_exit is None)
        in_force = InForce.begin(layout, clock, journal)
        set_level(in_force.config.system.log_level)
        parts = assemble(layout, clock, journal, in_force)
        register_documents(parts)
        parts.configuration.finish_interrupted()
        vigil = Vigil(clock, end)
        server = Server(listener, Requests(parts), parts.board, clock, vigil)
        stack.callback(server.close)
        idle = Idle(parts.keeper, server, idle_exit, leave=stopping.ask)
        _start_loops(stack, parts, server, vigil, idle)
        if idle_exit is not None:  # whoever comes while it leaves starts one of its own
            stack.callback(layout.socket.unlink, missing_ok=True)
        _log.info("service started", version=__version__, root=str(layout.root))
        systemd.notify("READY=1")
        _wait(stack, parts, vigil, stopping)
        systemd.notify("STOPPING=1")
        _log.info("service stops")
    end_soon(0, LEAVE_LIMIT)  # all is closed; what is still asked for, nobody is there to hear


def _start_loops(stack: ExitStack, parts: Parts, server: Server, vigil: Vigil, idle: Idle) -> None:
    """Start the monitor, which sees the others hang; then the shutter, and the server last."""
    monitor = Monitor(
        parts,
        give_up=parts.exits.give_up,
        is_idle=idle.is_over,
        leave=idle.leave,
        turned=lambda: vigil.beat("monitor"),
    )
    vigil.expect("monitor")
    start(stack, "monitor", monitor.run, monitor.stop)
    # One that hangs is the monitor's business; both at once are not.
    vigil.expect(
        "shutter",
        lambda: parts.shutter.progressed_at,
        lambda: monitor.patience() + LIMIT,
    )
    start(stack, "shutter", parts.shutter.run, parts.shutter.stop)
    # The first question is often how the camera is: better late than "not opened yet".
    parts.shutter.has_looked.wait(FIRST_LOOK_LIMIT)
    start(stack, "server", server.serve, server.close)


def _wait(stack: ExitStack, parts: Parts, vigil: Vigil, stopping: Stopping) -> None:
    """Start what has time, and wait for the end."""
    # A tenth of what starting costs, and the next picture can do without.
    from cinepi.service.calendar import make_calendar  # noqa: PLC0415

    calendar = make_calendar(parts, vigil)
    calendar.start()
    stack.callback(calendar.shutdown, wait=False)
    vigil.expect("calendar")
    vigil.expect("main")
    vigil.start()
    while not stopping.wait(TURN):
        calendar.wakeup()
        vigil.beat("main")
    vigil.stop()
