"""Child processes that are started again when they end, as systemd would."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cinepi.units import Bytes, Seconds
from cinepid.errors import ConfigError

FIRST_DELAY: Seconds = 0.2
LONGEST_DELAY: Seconds = 10.0
STOP_LIMIT: Seconds = 8.0
"""How long a child may take to end by itself before it is killed."""

_SETTLED: Seconds = 10.0  # a child that ran for so long starts with a clean slate
_FEW = 3  # after so many ends in a row a child's own words are shown
_SHOWN_LINES = 8
_SHOWN_BYTES: Bytes = 8192


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        name: For people.
        command: The program and its arguments.
        log: Where its output goes; emptied at the first start.
        make_room: Called before each start, in a thread: ends what is in the way, and says so.
    """

    name: str
    command: Sequence[str]
    log: Path
    make_room: Callable[[], str | None] | None = None


class Child:
    """One program, run again and again.

    It must be kept by the main thread: children end with the thread that started them.
    """

    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        """Start nothing yet; `say` is told in plain words what goes wrong."""
        self._program = program
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._log_start: Bytes = 0  # where this run's words begin

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process else None

    async def keep(self) -> None:
        """Run it for ever, with growing pauses while it keeps ending.

        Raises:
            ConfigError: It ended because of its configuration: another start would fail likewise.
        """
        loop = asyncio.get_running_loop()
        ends = 0
        self._program.log.parent.mkdir(parents=True, exist_ok=True)
        self._program.log.write_bytes(b"")
        while True:
            make_room = self._program.make_room
            if make_room and (ended := await asyncio.to_thread(make_room)):
                self._say(ended)
            began_at = loop.time()
            self._process = await self._start()
            code = await self._process.wait()
            self._process = None
            ends = 1 if loop.time() - began_at > _SETTLED else ends + 1
            if code == ConfigError.EXIT_CODE:
                words = "\n  ".join(self._last_words())
                raise ConfigError(f"{self._program.name} cannot be configured:\n  {words}")
            delay = min(FIRST_DELAY * 2 ** (ends - 1), LONGEST_DELAY)
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            self._say(f"{self._program.name} {how}; it starts again in {delay:g} s")
            if ends == _FEW:
                for line in (*self._last_words(), f"(more in {self._program.log})"):
                    self._say(f"  {line}")
            await asyncio.sleep(delay)

    async def stop(self) -> None:
        """End it; nobody may `keep` it any more. Blocks for at most `STOP_LIMIT`."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT)
        except TimeoutError:
            self._say(f"{self._program.name} did not end within {STOP_LIMIT:g} s and is killed")
            process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        tied = (sys.executable, "-m", "cinepid.demo.child", str(os.getpid()))
        with self._program.log.open("ab") as log:
            self._log_start = log.tell()
            return await asyncio.create_subprocess_exec(
                *tied,
                *self._program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo alone, which ends them in order
            )

    def _last_words(self) -> list[str]:
        with self._program.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _SHOWN_BYTES))
            return log.read().decode(errors="replace").splitlines()[-_SHOWN_LINES:]
