"""What the docstring of a message type says: a sentence or more, and a text for each field."""

import inspect
import re
from typing import NamedTuple

import msgspec

_SECTION = "\nAttributes:\n"
_FIELD = re.compile(r"^    (\w+): (.+(?:\n {5,}.+)*)", re.MULTILINE)
_TOPIC = re.compile(r"^`[^`]+`: (\w)")
_IN_JSON = {"None": "null", "True": "true", "False": "false"}
_PYTHON_WORD = re.compile(rf"\b({'|'.join(_IN_JSON)})\b")


class Words(NamedTuple):
    """What is said about a type and its fields, in the words of JSON."""

    summary: str
    fields: dict[str, str]


def words_of(message: type[msgspec.Struct]) -> Words:
    """Read the docstring of a message type, and what its bases say of the fields they gave it."""
    fields: dict[str, str] = {}
    summary = ""
    for origin in reversed(message.__mro__):
        summary, _, section = inspect.cleandoc(origin.__doc__ or "").partition(_SECTION)
        fields |= {name: _plain(text) for name, text in _FIELD.findall(section)}
    sentence = _TOPIC.sub(lambda found: found[1].upper(), _plain(summary))
    return Words(sentence, fields)


def _plain(text: str) -> str:
    one_line = re.sub(r"\s*\n\s*", " ", text.strip())
    return _PYTHON_WORD.sub(lambda found: _IN_JSON[found[0]], one_line)
