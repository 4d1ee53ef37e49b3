"""The loops that the process lives by, each in a thread of its own."""

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack

from cinepi.logs.setup import logger
from cinepi.units import Seconds

STOP_LIMIT: Seconds = 10.0
"""How long a clean stop waits for each of them, the camera's among them."""

_log = logger("service")


def start(stack: ExitStack, name: str, live: Callable[[], None], stop: Callable[[], None]) -> None:
    """Run a loop until the stack is undone; if it dies the process ends, to be started again."""

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
