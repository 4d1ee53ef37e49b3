"""Change a configuration: what the new one is, how its file reads, and what differs."""

from dataclasses import dataclass

import msgspec

from cinepi.check import parse
from cinepi.config.edit import rewritten
from cinepi.config.parse import parse_config
from cinepi.config.template import as_text
from cinepi.errors import CinepiError
from cinepi.features import features_of
from cinepi.model.settings import Config


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is valid and not yet made.

    Attributes:
        config: The configuration after it.
        text: The file after it.
        changed: JSON pointers to the values that differ, such as `/capture/interval`.
        kept_comments: Whether all comments, and the order, of the file survive.
    """

    config: Config
    text: str
    changed: tuple[str, ...]
    kept_comments: bool


def patched(loaded_text: str, config: Config, patch: dict[str, object]) -> Change:
    """Change some values, as RFC 7396 has it; null returns a value, or a section, to its default.

    The line of a value that returns to its default stays in the file, with the default in it.

    Args:
        loaded_text: The file as it is.
        config: The configuration in force.
        patch: The values to change, such as `{"camera": {"iso": 400}}`.

    Raises:
        InvalidArgumentError: With every problem of the patch, each as a JSON pointer.
    """
    merged = _merged(_plain(config), patch, _plain(Config()))
    return _change(loaded_text, config, parse(Config, merged))


def replaced(loaded_text: str, config: Config, new: dict[str, object]) -> Change:
    """Change all values: those that `new` leaves out return to their defaults.

    Raises:
        InvalidArgumentError: With every problem of `new`, each as a JSON pointer.
    """
    return _change(loaded_text, config, parse(Config, new))


def pending_restart(running: Config, saved: Config) -> tuple[str, ...]:
    """JSON pointers to the saved values that the running service will follow after a restart."""
    waiting = {
        f"/{section.encode_name}/{feature.key}"
        for section in msgspec.structs.fields(Config)
        for feature in features_of(type(getattr(saved, section.name)))
        if feature.needs_restart
    }
    return tuple(path for path in changed_paths(running, saved) if path in waiting)


def changed_paths(old: Config, new: Config) -> tuple[str, ...]:
    """JSON pointers to the values that differ, in the order of the file."""
    before, after = _plain(old), _plain(new)
    return tuple(
        f"/{section}/{key}"
        for section, values in after.items()
        for key, value in values.items()
        if value != before[section][key]
    )


def _change(text: str, old: Config, new: Config) -> Change:
    changed = changed_paths(old, new)
    edited = rewritten(text, new)
    if edited is not None and _reads_as(edited, new):
        return Change(new, edited, changed, kept_comments=True)
    return Change(new, as_text(new), changed, kept_comments=False)


def _reads_as(text: str, config: Config) -> bool:
    try:
        return parse_config(text, source="the new file") == config
    except CinepiError:
        return False


def _plain(config: Config) -> dict[str, dict[str, object]]:
    plain: dict[str, dict[str, object]] = msgspec.to_builtins(config)
    return plain


def _merged(
    target: dict[str, object] | dict[str, dict[str, object]],
    patch: dict[str, object],
    defaults: dict[str, object] | dict[str, dict[str, object]],
) -> dict[str, object]:
    """Merge; a null where there is no default stays, so that the check can say so."""
    result: dict[str, object] = dict(target)
    for key, value in patch.items():
        present, default = result.get(key), defaults.get(key)
        if isinstance(value, dict) and isinstance(present, dict) and isinstance(default, dict):
            result[key] = _merged(present, value, default)
        else:
            result[key] = default if value is None else value
    return result
