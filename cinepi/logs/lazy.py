"""Loggers that load nothing before they log: for parts that short programs use as well.

Loading structlog takes a tenth of the time that people wait for the first line of `cinepictl`
(`python -m benchmarks.cli`), which mostly has nothing to log.
"""

from typing import Any


class LazyLogger:
    """Stands for `cinepi.logs.setup.logger(module)`, which it makes at the first message."""

    def __init__(self, module: str) -> None:
        """Remember the part's name."""
        self._module = module

    def __getattr__(self, name: str) -> Any:
        from cinepi.logs.setup import logger  # noqa: PLC0415 - that is the point

        bound = logger(self._module)
        self.__dict__.update(
            (level, getattr(bound, level))
            for level in ("debug", "info", "warning", "error", "exception")
        )
        return getattr(bound, name)


def logger(module: str) -> LazyLogger:
    """A logger for one part, as `cinepi.logs.setup.logger` gives it."""
    return LazyLogger(module)
