"""Logging of a process: `logger` to log with, `set_up` to say where it goes.

Before `set_up`, warnings and errors go to standard error, so that tools that use our parts are
quiet. What libraries tell Python's own logging comes the same way, from warnings on.
"""

import logging
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from cinepi.clock import rfc3339, system_clock
from cinepi.logs.entry import LogEntry
from cinepi.logs.file import LogFile
from cinepi.logs.output import Output


@contextmanager
def _without_rich() -> Iterator[None]:
    """Make `import rich` fail: structlog would load it for coloured tracebacks that we never print.

    It costs each of two daemons 4 MB and 50 ms of the start (benchmarks/logs.py). Programs
    that want rich can import it afterwards.
    """
    if "rich" in sys.modules:
        yield
        return
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules["rich"] = None
    try:
        yield
    finally:
        del modules["rich"]


with _without_rich():
    import structlog
    from structlog.typing import FilteringBoundLogger

__all__ = ["LogEntry", "logger", "set_level", "set_up"]

_output = Output()
_clock = system_clock()


def set_up(
    path: Path,
    level: str,
    *,
    forward: Callable[[LogEntry], None] | None = None,
    to_stderr: bool,
) -> None:
    """Log to the file at `path`; called once, early, by the program.

    A folder or file that cannot be written is one warning on standard error, tried again later.

    Args:
        path: JSON lines; beside it up to 4 older files of 1 MiB, `….1` to `….4`.
        level: The least serious level to log: debug, info, warning or error.
        forward: Gets every entry in the thread that logs, so it must only put it somewhere; what
            it raises is dropped, and what it logs itself does not come back to it.
        to_stderr: Whether to write to standard error too: with priorities where that is journald,
            in colours on a terminal.
    """
    _output.direct(LogFile(path), to_stderr=to_stderr, forward=forward)
    set_level(level)
    logging.captureWarnings(capture=True)


def set_level(level: str) -> None:
    """Change the least serious level that is logged, for all loggers at once."""
    _output.set_level(level)


def logger(module: str) -> FilteringBoundLogger:
    """A logger for one part: `log.warning("disk is full", free_bytes=0)`, `log.exception(…)`."""
    bound: FilteringBoundLogger = structlog.get_logger(module=module)
    return bound


def _is_serious(_: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if not _output.is_wanted(_LEVELS.get(level, level)):
        raise structlog.DropEvent
    return event


def _deliver(_: object, level: str, event: MutableMapping[str, Any]) -> str:
    fields = dict(event)
    entry = LogEntry(
        timestamp=rfc3339(_clock.wall()),
        level=_LEVELS.get(level, level),
        module=str(fields.pop("module", "?")),
        message=str(fields.pop("event", "")),
        exception=fields.pop("exception", None),
        fields=fields,
    )
    _output.write(entry)
    raise structlog.DropEvent  # delivered: nothing is left for structlog to print


class _FromPython(logging.Handler):
    """Takes over what libraries log in Python's own way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as an entry."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        if not _output.is_wanted(level):
            return
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a library's format does not fit its arguments
            message = str(record.msg)
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
        entry = LogEntry(
            timestamp=rfc3339(_clock.wall()),
            level=level,
            module=record.name,
            message=message,
            exception=trace,
        )
        _output.write(entry)


_LEVELS = {"critical": "error", "exception": "error", "warn": "warning", "fatal": "error"}

structlog.configure(
    processors=[_is_serious, structlog.processors.format_exc_info, _deliver],
    wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    logger_factory=lambda *_: None,
    cache_logger_on_first_use=True,
)
logging.basicConfig(handlers=[_FromPython(level=logging.WARNING)], level=logging.WARNING)
