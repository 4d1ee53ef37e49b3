"""Read the configuration at the start, and get going whatever state the file is in."""

from contextlib import suppress
from dataclasses import dataclass, field

from cinepi.clock import Clock
from cinepi.config import atomic, store
from cinepi.config.parse import Reading, parse_config, read_config
from cinepi.config.template import as_text
from cinepi.errors import (
    CinepiError,
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    StorageFullError,
    TooLargeError,
)
from cinepi.model.events import ConfigRecovered
from cinepi.model.settings import Config
from cinepi.paths import Layout

__all__ = [
    "Known",
    "Loaded",
    "load",
    "parse_config",
    "put_back",
    "recover",
    "recovery_of",
    "take_back",
]

_LAST = "last configuration"  # where a configuration comes from, in the words of the event


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the configuration that was in force last.

    Attributes:
        text: Its file; None where it is not known.
        config: Its values: they stay for what is not understood in the file of today.
    """

    text: str | None = None
    config: Config = field(default_factory=Config)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and how it fares with its file.

    Attributes:
        reading: The values, and what is not understood.
        digest: SHA-256 of the text.
        recovery: What was wrong and what was done, where the file had to be replaced.
        trouble: Why the file on the disk is not the one in force: it may not be read, or is broken
            and cannot be replaced. None where it is.
    """

    reading: Reading
    digest: str
    recovery: ConfigRecovered | None = None
    trouble: str | None = None


def load(layout: Layout, clock: Clock, known: Known = Known()) -> Loaded:
    """Read the configuration; make it where it is missing, replace it where it is broken.

    A missing file becomes one with all defaults. A broken one is kept under another name and
    replaced, as `recover` does. Where the system does not allow that, or does not let us read the
    file, it is left alone, and `trouble` says so: what was in force last is in force, else the
    newest backup, else the defaults. Blocks for some ms, and where it writes, until the disk has
    it.

    Args:
        layout: Where the files lie.
        clock: For the name of a file that is kept.
        known: What was in force last.

    Raises:
        ConflictError: A folder is in the place of the file, or a file in that of its folder; only
            a person can tell what is meant. The content of the file is never a reason.
    """
    name = layout.config.name
    try:
        text = store.read(layout)
        return _loaded(read_config(text, source=name, before=known.config))
    except FileNotFoundError:
        text = as_text(Config())
        try:
            store.write(layout, text)
        except (InternalError, PermissionDeniedError, StorageFullError) as error:
            return _instead(layout, str(error), known)
        return _loaded(read_config(text, source=name))
    except PermissionDeniedError as error:  # it is not broken: somebody else can read it
        return _instead(layout, str(error), known)
    except (InvalidArgumentError, TooLargeError, InternalError) as error:
        try:
            return recover(layout, clock, str(error), known)
        except (InternalError, PermissionDeniedError, StorageFullError) as refusal:
            return _instead(layout, f"{error}; {refusal}", known)


def recover(
    layout: Layout,
    clock: Clock,
    reason: str,
    known: Known = Known(),
) -> Loaded:
    """Replace the configuration by what was in force last, the newest valid backup, or defaults.

    Backups are made before a change, so the newest one lacks the newest change.

    What is there now is kept in its folder as `cinepi.yaml.broken-YYYYMMDD_HHMMSS`.

    Args:
        layout: Where the files lie.
        clock: For the name of the file that is kept.
        reason: Why this is done, for people.
        known: What was in force last.

    Raises:
        CinepiError: It cannot be written; see `atomic.write`.
    """
    source, text = _best(layout, known)
    recovery = recovery_of(layout, clock, reason=reason, source=source)
    put_back(layout, text, recovery)
    return _loaded(read_config(text, source=source, before=known.config), recovery)


def _best(layout: Layout, known: Known) -> tuple[str, str]:
    """The best configuration that is not in the file: where it comes from, and its text."""
    if known.text is not None and store.is_valid(known.text):
        return _LAST, known.text
    with suppress(CinepiError):  # backups that cannot be listed are none
        if backup := store.newest_valid(layout):
            return backup
    return "defaults", as_text(Config())


def _instead(layout: Layout, trouble: str, known: Known) -> Loaded:
    source, text = _best(layout, known)
    reading = read_config(text, source=source, before=known.config)
    if source == "defaults":
        instead = "the defaults are in force"
    else:
        instead = f"in force is {'the ' * (source == _LAST)}{source}"
    return Loaded(reading, store.digest(text), trouble=f"{trouble}; {instead}")


def _loaded(reading: Reading, recovery: ConfigRecovered | None = None) -> Loaded:
    return Loaded(reading, store.digest(reading.text), recovery)


def recovery_of(layout: Layout, clock: Clock, *, reason: str, source: str) -> ConfigRecovered:
    """What `put_back` will do to the file as it is now, in the words of its event."""
    path = store.target(layout)
    kept_as = f"{path.name}.broken-{store.stamp(clock)}" if path.exists() else None
    return ConfigRecovered(reason=reason, source=source, kept_as=kept_as)


def put_back(layout: Layout, text: str, recovery: ConfigRecovered) -> None:
    """Put a good text in the place of a broken file, which is kept under the name of the recovery.

    Raises:
        CinepiError: It cannot be written; see `atomic.write`.
    """
    if recovery.kept_as is not None:
        with suppress(FileNotFoundError):  # somebody was faster
            atomic.keep_as(store.target(layout), recovery.kept_as)
    store.write(layout, text)


def take_back(layout: Layout, recovery: ConfigRecovered) -> None:
    """Undo `put_back`, or as much of it as was done, as far as the disk lets us."""
    path = store.target(layout)
    with suppress(OSError):
        if recovery.kept_as is None:
            path.unlink(missing_ok=True)
        else:
            path.with_name(recovery.kept_as).replace(path)
