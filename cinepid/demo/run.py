"""The demo itself: what is started in which order, what is asked for, and how it all ends."""

import argparse
import asyncio
import fcntl
import functools
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cinepi.clock import SystemClock
from cinepi.errors import CinepiError, ConflictError, DeadlineError, PermissionDeniedError
from cinepi.paths import ROOT_VARIABLE, Layout
from cinepi.units import Seconds
from cinepid.demo import SIZE, stray
from cinepid.demo.brokers import HOST, USUAL_PORT, LocalBroker, choose
from cinepid.demo.hints import hints
from cinepid.demo.link import Link
from cinepid.demo.picture import Picture
from cinepid.demo.screen import Screen
from cinepid.demo.supervisor import Child, Program
from cinepid.message import Server
from cinepid.topics import Address

DEVICE = "demo"
START_LIMIT: Seconds = 20.0
"""How long the device may take until it is online and knows its session."""

_TICK: Seconds = 1.0
_SOON: Seconds = 2.5  # a next frame that far away is waited for, a later one is preceded
_DAEMON_CONFIG = """\
# Written by the demo at each start.
device:
  id: {device}
  name: CinePi demo
broker:
  host: {host}
  port: {port}
"""


def run(options: argparse.Namespace) -> int:
    """See `cinepid.demo.main`."""
    layout = Layout.find(_root(options.root))
    with _alone(layout.root):
        broker = choose(layout.root / "run/demo", options.port)
        layout.daemon_config.parent.mkdir(parents=True, exist_ok=True)
        layout.daemon_config.write_text(
            _DAEMON_CONFIG.format(device=DEVICE, host=HOST, port=broker.port_5)
        )
        os.environ[ROOT_VARIABLE] = str(layout.root)  # for the children
        return asyncio.run(_Demo(options, layout, broker).run())


class _Demo:
    """One run of the demo."""

    def __init__(self, options: argparse.Namespace, layout: Layout, broker: LocalBroker) -> None:
        """Start nothing yet."""
        self._options = options
        self._layout = layout
        self._broker = broker
        self._is_first = not layout.journal.exists()
        self._clock = SystemClock()
        self._picture = Picture()
        self._screen = Screen(self._picture, self._clock)
        self._link = Link(Server(HOST, broker.port_5), DEVICE, self._hear)
        self._ready = asyncio.Event()

    async def run(self) -> int:
        """Run until told to stop."""
        asked_to_stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, asked_to_stop.set)
        children = [Child(program, self._screen.say) for program in self._programs()]
        with self._screen:
            heading = f"CinePi demo: {self._broker.name} on {HOST}:{self._broker.port}"
            if self._options.port is None and self._broker.port != USUAL_PORT:
                heading += f" ({USUAL_PORT} is in use by another program)"
            pictures = f"Pictures: {self._layout.captures}"
            self._screen.introduce(
                heading, [*hints(DEVICE, self._broker.port), pictures, "Ctrl-C ends it."]
            )
            keeping = [
                asyncio.create_task(child.keep(), name=f"keep-{index}")
                for index, child in enumerate(children)
            ]
            begin = asyncio.create_task(self._begin(), name="begin")
            stop = asyncio.create_task(asked_to_stop.wait(), name="stop")
            link = asyncio.create_task(self._link.keep(), name="link")
            tick = asyncio.create_task(self._tick(), name="tick")
            lasting = (stop, link, tick, *keeping)
            try:
                done, _ = await asyncio.wait(lasting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                self._screen.say("ending")
                await _cancel(begin, stop, *keeping)
                for child in reversed(children):
                    await child.stop()
                self._link.close()
                await _cancel(link, tick)
        return 0

    def _programs(self) -> Sequence[Program]:
        """What runs, in the order of their start."""
        logs = self._layout.root / "var/log/demo"
        root = str(self._layout.root)
        service = (sys.executable, "-m", "cinepi.service", "--root", root)
        make_room = functools.partial(stray.end, self._layout)
        config = str(self._layout.daemon_config)
        daemon = (sys.executable, "-m", "cinepid", "run", "--config", config)
        return (
            Program("the broker", self._broker.command, logs / "broker.log"),
            Program("the camera service", service, logs / "service.log", make_room),
            Program("the daemon", daemon, logs / "daemon.log"),
        )

    def _hear(self, address: Address, payload: bytes) -> None:
        if line := self._picture.take(address, payload):
            self._screen.say(line)
        if self._picture.is_online and self._picture.session:
            self._ready.set()
        self._screen.refresh()

    async def _tick(self) -> None:
        while True:
            self._screen.refresh()
            await asyncio.sleep(_TICK)

    async def _begin(self) -> None:
        """Ask for pictures, like any user would."""
        try:
            await self._await_device()
            if size := self._options.size or (SIZE if self._is_first else None):
                await self._link.ask("camera/set", {"resolution": size})
            if not self._options.no_session:
                await self._begin_session()
        except CinepiError as error:
            self._screen.say(f"{error}")

    async def _await_device(self) -> None:
        try:
            async with asyncio.timeout(START_LIMIT):
                await self._ready.wait()
        except TimeoutError as error:
            logs = self._layout.root / "var/log"
            message = f"the device is not ready after {START_LIMIT:g} s; look into {logs}"
            raise DeadlineError(message) from error

    async def _begin_session(self) -> None:
        session = self._picture.session
        if session is None or session.state == "idle":
            await self._link.ask("session/start", {"interval": self._options.interval})
            return
        self._screen.say(f"the session of last time goes on, every {session.interval:g} s")
        if session.next_at is None or self._seconds_until(session.next_at) > _SOON:
            await self._link.ask("snapshot/take", {})

    def _seconds_until(self, at: str) -> Seconds:
        return datetime.fromisoformat(at).timestamp() - self._clock.wall()


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _root(given: str | None) -> Path:
    if given is not None:
        return Layout.find(given).root
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "cinepi-demo"


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep a second demo out of the same folder."""
    folder = root / "run/demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    except OSError as error:
        message = f"{root} cannot be used: {error.strerror}; choose another --root"
        raise PermissionDeniedError(message) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConflictError(f"a demo runs already in {root}; choose another --root") from error
    try:
        yield
    finally:
        os.close(descriptor)
