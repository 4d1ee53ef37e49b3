"""`key=value` on a command line. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence

from cinepid.ctl.errors import UsageError


def split(words: Iterable[str]) -> tuple[list[str], dict[str, object]]:
    """Names, and what is set: words with an `=` in them.

    Raises:
        UsageError: A key is missing, or is given twice.
    """
    names, values = [], {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            names.append(word)
        elif not key or key in values:
            raise UsageError(f"{word!r}: " + ("it is set twice" if key else "say KEY=VALUE"))
        else:
            values[key] = value_of(text)
    return names, values


def value_of(text: str) -> object:
    """A number, true, false or null where it is one, else the text itself."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) or value is None else text


def nested(values: Mapping[str, object]) -> dict[str, object]:
    """`{"camera.iso": 200}` as `{"camera": {"iso": 200}}`.

    Raises:
        UsageError: A key is also the beginning of another.
    """
    tree: dict[str, object] = {}
    for path, value in values.items():
        *above, key = path.replace("/", ".").strip(".").split(".")
        place = tree
        for part in above:
            below = place.setdefault(part, {})
            if not isinstance(below, dict):
                raise UsageError(f"{path} cannot be set beside {part}")
            place = below
        place[key] = value
    return tree


def flat(tree: object, above: Sequence[str] = ()) -> dict[str, object]:
    """The opposite of `nested`; lists are values."""
    if not isinstance(tree, dict):
        return {".".join(above): tree}
    found: dict[str, object] = {}
    for key, value in tree.items():
        found.update(flat(value, (*above, str(key))))
    return found


def shown(value: object) -> str:
    """A value as a person would type it."""
    return value if isinstance(value, str) else json.dumps(value)
