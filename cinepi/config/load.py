"""Read the configuration at the start, and get going whatever state the file is in."""

from contextlib import suppress
from dataclasses import dataclass

from cinepi.clock import Clock
from cinepi.config import atomic, store
from cinepi.config.parse import parse_config
from cinepi.config.template import as_text
from cinepi.errors import (
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    TooLargeError,
)
from cinepi.model.events import ConfigRecovered
from cinepi.model.settings import Config
from cinepi.paths import Layout

__all__ = ["Loaded", "load", "parse_config", "planned", "put_back", "recover", "take_back"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and the file that it stands in.

    Attributes:
        config: The values.
        text: The whole file, which is on disk as such.
        digest: SHA-256 of the text.
        recovery: What was wrong and what was done, where the file had to be replaced.
    """

    config: Config
    text: str
    digest: str
    recovery: ConfigRecovered | None


def load(layout: Layout, clock: Clock, *, last_good: str | None = None) -> Loaded:
    """Read the configuration; make it where it is missing, replace it where it is broken.

    A missing file becomes one with all defaults. A broken one is kept under another name and
    replaced, as `recover` does. Blocks for some ms, and where it writes, until the disk has it.

    Args:
        layout: Where the files lie.
        clock: For the name of a file that is kept.
        last_good: The text of the configuration that was in force last, where it is known.

    Raises:
        ConflictError: A folder is in the place of the file, or a file in that of its folder; only
            a person can tell what is meant.
        PermissionDeniedError: The folder cannot be written to, and has to be.
        CinepiError: The system fails otherwise. The content of the file is never a reason.
    """
    name = layout.config.name
    try:
        text = store.read(layout)
        return Loaded(parse_config(text, source=name), text, store.digest(text), None)
    except FileNotFoundError:
        text = as_text(Config())
        return Loaded(Config(), text, store.write(layout, text), None)
    except (InvalidArgumentError, TooLargeError, PermissionDeniedError, InternalError) as error:
        return recover(layout, clock, str(error), last_good=last_good)


def recover(layout: Layout, clock: Clock, reason: str, *, last_good: str | None = None) -> Loaded:
    """Replace the configuration by what was in force last, the newest valid backup, or defaults.

    Backups are made before a change, so the newest one lacks the newest change.

    What is there now is kept in its folder as `cinepi.yaml.broken-YYYYMMDD_HHMMSS`.

    Args:
        layout: Where the files lie.
        clock: For the name of the file that is kept.
        reason: Why this is done, for people.
        last_good: As `load` has it.

    Raises:
        CinepiError: As `load` does.
    """
    backup = store.newest_valid(layout)
    source, text = backup or ("defaults", as_text(Config()))
    if last_good is not None and store.is_valid(last_good):
        source, text = "last configuration", last_good
    recovery = planned(layout, clock, reason=reason, source=source)
    put_back(layout, text, recovery)
    return Loaded(parse_config(text, source=source), text, store.digest(text), recovery)


def planned(layout: Layout, clock: Clock, *, reason: str, source: str) -> ConfigRecovered:
    """What `put_back` will do to the file as it is now, in the words of its event."""
    path = store.target(layout)
    kept_as = f"{path.name}.broken-{store.stamp(clock)}" if path.exists() else None
    return ConfigRecovered(reason=reason, source=source, kept_as=kept_as)


def put_back(layout: Layout, text: str, plan: ConfigRecovered) -> None:
    """Put a good text in the place of a broken file, which is kept under the name of the plan.

    Raises:
        CinepiError: As `load` does.
    """
    if plan.kept_as is not None:
        with suppress(FileNotFoundError):  # somebody was faster
            atomic.keep_as(store.target(layout), plan.kept_as)
    store.write(layout, text)


def take_back(layout: Layout, plan: ConfigRecovered) -> None:
    """Undo `put_back`, or as much of it as was done, as far as the disk lets us."""
    path = store.target(layout)
    with suppress(OSError):
        if plan.kept_as is None:
            path.unlink(missing_ok=True)
        else:
            path.with_name(plan.kept_as).replace(path)
