"""Change a configuration: what the new one is, how its file reads, and what differs."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from cinepi import strictyaml
from cinepi.check import below, parse
from cinepi.config.edit import rewritten
from cinepi.config.parse import read_config
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
        changed: JSON pointers to the values that differ, such as `/capture/interval`, and to those
            that were not understood and are replaced.
        kept_comments: Whether all comments, and the order, of the file survive.
    """

    config: Config
    text: str
    changed: tuple[str, ...]
    kept_comments: bool


def patched(
    loaded_text: str, config: Config, patch: dict[str, object], unused: Collection[str] = ()
) -> Change:
    """Change some values, as RFC 7396 has it; null returns a value, or a section, to its default.

    The line of a value that returns to its default stays in the file, with the default in it.

    Args:
        loaded_text: The file as it is.
        config: The configuration in force.
        patch: The values to change, such as `{"camera": {"iso": 400}}`.
        unused: Pointers to what stands in the file and is not understood: it stays there, unless
            the patch gives another value for it.

    Raises:
        InvalidArgumentError: With every problem of the patch, each as a JSON pointer.
    """
    merged = _merged(_plain(config), patch, _plain(Config()))
    named = _named(patch)
    mended = [path for path in unused if _is_given(path, named)]
    return _change(loaded_text, config, parse(Config, merged), unused, mended)


def replaced(
    loaded_text: str, config: Config, new: dict[str, object], unused: Collection[str] = ()
) -> Change:
    """Change all values: those that `new` leaves out return to their defaults.

    Keys of the file that are not known stay in it; `unused` is as `patched` has it.

    Raises:
        InvalidArgumentError: With every problem of `new`, each as a JSON pointer.
    """
    known = _plain(Config())
    mended = [path for path in unused if _is_known(path, known)]
    return _change(loaded_text, config, parse(Config, new), unused, mended)


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


def _change(
    text: str, old: Config, new: Config, unused: Collection[str], mended: Collection[str]
) -> Change:
    """The change from `old` to `new`; of the `unused` in the file, the `mended` is replaced."""
    leave = set(unused) - set(mended)
    differ = (*changed_paths(old, new), *mended)
    changed = tuple(path for path in _paths(new) if path in differ or _above(path) in differ)
    edited = rewritten(text, new, leave)
    if edited is not None and _reads_as(edited, new):
        return Change(new, edited, changed, kept_comments=True)
    return Change(new, as_text(new, _kept(text, leave)), changed, kept_comments=False)


def _reads_as(text: str, config: Config) -> bool:
    try:
        return read_config(text, source="the new file", before=config).config == config
    except CinepiError:
        return False


def _kept(text: str, leave: Collection[str]) -> dict[str, object]:
    """What a file that is written anew takes over from the old one without understanding it."""
    kept: dict[str, object] = {}
    known = _plain(Config())
    try:
        sections = strictyaml.sections(strictyaml.load(text, source="the text"))
    except CinepiError:
        return kept
    for name, values in sections.items() if isinstance(sections, dict) else ():
        if name not in known:
            kept[below("", name)] = values
        elif isinstance(values, dict):
            paths = {below(f"/{name}", key): key for key in values}
            kept |= {
                path: values[key]
                for path, key in paths.items()
                if path in leave or key not in known[name]
            }
    return kept


def _named(patch: dict[str, object]) -> set[str]:
    """Pointers to the values that a patch gives, and to the sections that it returns as a whole."""
    named = set()
    for name, values in patch.items():
        if isinstance(values, dict):
            named |= {f"/{name}/{key}" for key in values}
        else:
            named.add(f"/{name}")
    return named


def _is_given(path: str, named: Collection[str]) -> bool:
    """Whether a patch replaces what stands at `path`, which may be a section of another shape."""
    return bool({path, _above(path)} & set(named)) or any(
        each.startswith(f"{path}/") for each in named
    )


def _paths(config: Config) -> tuple[str, ...]:
    """Pointers to all values, in the order of the file."""
    return tuple(f"/{name}/{key}" for name, values in _plain(config).items() for key in values)


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _is_known(path: str, known: dict[str, dict[str, object]]) -> bool:
    _, name, *key = path.split("/")
    return name in known and (not key or key[0] in known[name])


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
