"""watch: all devices, live."""

import argparse
import asyncio
import time
from collections.abc import Callable, Iterable

from cinepi.errors import CinepiError
from cinepi.units import Seconds
from cinepid import topics
from cinepid.ctl.ask import Command
from cinepid.ctl.errors import OK, NoDeviceError, UsageError
from cinepid.ctl.fleet import Device
from cinepid.ctl.output import Output
from cinepid.ctl.overview import Line, lines
from cinepid.ctl.program import Verb
from cinepid.ctl.survey import EVERYTHING
from cinepid.ctl.target import Targets, choose
from cinepid.ctl.verdict import reason
from cinepid.ctl.work import Work, add_targets, targets_of, working
from cinepid.errors import BrokerError

PERIOD: Seconds = 1.0
"""Drawn so often, and at once when a key is pressed."""
_TRY_AGAIN: Seconds = 2.0


async def _run(options: argparse.Namespace) -> int:
    wanted = targets_of(options, everyone_if_none=True)
    output = Output(is_json=options.json)
    if not output.is_json and not output.is_terminal:
        raise UsageError("watch needs a terminal; --json prints a line for each change")
    if output.is_json:
        return await _stream(options, wanted)
    return await _show(options, wanted)


async def _stream(options: argparse.Namespace, wanted: Targets) -> int:
    """One object for each device, and another whenever what is said of it changes."""
    said: dict[str, object] = {}
    async with working(options) as work:
        await work.find(wanted)
        await _look(work)
        while not work.link.connection.lost.done():
            for line in _lines(work, wanted):
                document = {**line.json, "last_capture_age_s": None}
                if said.get(line.device.id) != document:
                    said[line.device.id] = document
                    work.output.json_line(line.json)
            await asyncio.wait([work.link.connection.lost], timeout=PERIOD)
        raise work.link.connection.lost.result()


async def _show(options: argparse.Namespace, wanted: Targets) -> int:
    from rich.console import Console  # noqa: PLC0415 - only where something is drawn
    from rich.live import Live  # noqa: PLC0415

    from cinepid.ctl.keyboard import keys  # noqa: PLC0415
    from cinepid.ctl.screen import View, picture  # noqa: PLC0415

    view, console = View(), Console(highlight=False, emoji=False)
    wake, tasks = asyncio.Event(), set[asyncio.Task[None]]()
    known: list[Line] = []
    now: Work | None = None

    def press(key: str) -> None:
        wake.set()
        action = view.press(key, known)
        line = view.chosen_line(known)
        if action is not None and line is not None and now is not None:
            view.message = f"{action} {line.device.id} …"
            act = _act(now, action, line.device, lambda text: setattr(view, "message", text))
            task = asyncio.create_task(act, name=f"{action} {line.device.id}")
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda _: wake.set())

    with Live(console=console, screen=True, auto_refresh=False) as live, keys(press):

        def draw(server: str) -> None:
            live.update(picture(view, known, server, console.height), refresh=True)

        while not view.quitting.is_set():
            try:
                async with working(options) as work:
                    await _look(work)
                    now = work
                    lost = work.link.connection.lost
                    while not lost.done():
                        known[:] = _lines(work, wanted)
                        draw(work.link.server)
                        await _either(wake, lost, PERIOD)
                        if view.quitting.is_set():
                            return OK
            except BrokerError as error:
                view.message = f"{error}; trying again"
            finally:
                now = None
            if not view.quitting.is_set():
                draw("not connected")
                await _either(wake, asyncio.get_running_loop().create_future(), _TRY_AGAIN)
    return OK


async def _look(work: Work) -> None:
    """Ask for everything there is, and for events from now on: their numbers tell of gaps."""
    await work.survey.look(EVERYTHING)
    events = topics.of_every_device("event", "+")
    await work.link.listen(events, qos=1, with_retained=False)


def _lines(work: Work, wanted: Targets) -> list[Line]:
    everyone = work.survey.fleet.devices.values()
    try:
        devices: Iterable[Device] = choose(wanted, everyone)
    except NoDeviceError:
        devices = ()
    return lines(devices, everyone, time.time())


async def _either(wake: asyncio.Event, lost: "asyncio.Future[BrokerError]", limit: Seconds) -> None:
    pressed = asyncio.ensure_future(wake.wait())
    waiting: set[asyncio.Future[object]] = {pressed, lost}  # type: ignore[arg-type]
    await asyncio.wait(waiting, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    pressed.cancel()
    wake.clear()


async def _act(work: Work, action: str, device: Device, tell: Callable[[str], None]) -> None:
    """Do what a key asked for, and say what came of it."""
    is_paused = device.session is not None and device.session.state == "paused"
    name = {
        "snapshot": "snapshot/take",
        "pause": "session/resume" if is_paused else "session/pause",
        "republish": "system/republish",
    }[action]
    try:
        outcome = await work.ask(Command(name, timeout=work.options.timeout), [device])
    except CinepiError as error:
        tell(f"{device.id}: {error}")
        return
    reply = outcome.replies.get(device.id)
    if reply is None:
        tell(f"{device.id}: no answer")
    else:
        tell(f"{device.id}: {reply.answer.message if reply.has_done_it else reason(reply)}")


VERB = Verb(
    help="watch devices live; ? lists the keys",
    run=_run,
    add_options=add_targets,
    examples=("watch", "watch --group north", "watch --json | jq -c '[.device, .problems]'"),
)
