"""Change values in a YAML text and leave every other character where it is.

The nodes of the text say where each value begins and ends. Only those spans are replaced, and new
keys are put after the last key of their section. No line is ever taken out: a setting that returns
to its default keeps its line, with the default written in it, so the comment above stays true.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

import msgspec
import yaml

from cinepi import strictyaml
from cinepi.config.template import spelled
from cinepi.errors import CinepiError
from cinepi.features import Feature, features_of
from cinepi.model.settings import Config

_INDENT = 2  # of the keys of a section where the file has no example to follow


@dataclass(frozen=True, slots=True)
class _Splice:
    """Put `text` in place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


class _CannotEditError(Exception):
    """The text is valid, and written in a way that values cannot be put into."""


def rewritten(text: str, config: Config, leave: Collection[str] = ()) -> str | None:
    """Put the values of `config` into `text`.

    A value that stands in the text is replaced where it differs; one that does not is added where
    it is not the default. Keys that are not known stay as they are.

    Args:
        text: The file as it is.
        config: What it is to say.
        leave: Pointers to values and sections that stay as they are written, though they say
            something else, such as `/camera/iso`.

    Returns:
        The new text, which the caller has to verify; None where this text cannot be edited.
    """
    try:
        tree = strictyaml.load(text, source="the text")
        splices = _Edit(text, tree, leave).splices(config)
    except (CinepiError, _CannotEditError):
        return None
    result, done = "", 0
    for splice in sorted(splices, key=lambda splice: splice.start):
        result += text[done : splice.start] + splice.text
        done = splice.end
    return result + text[done:]


class _Edit:
    """What has to change in one text."""

    def __init__(self, text: str, tree: strictyaml.Tree, leave: Collection[str]) -> None:
        self._text = text
        self._tree = tree
        self._leave = leave
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def splices(self, config: Config) -> list[_Splice]:
        result: list[_Splice] = []
        new_sections: list[tuple[str, list[tuple[str, str]]]] = []
        for field in msgspec.structs.fields(Config):
            name, values = field.encode_name, getattr(config, field.name)
            if f"/{name}" in self._leave:
                continue
            missing = []
            for feature in features_of(type(values)):
                value = getattr(values, feature.key)
                if f"/{name}/{feature.key}" in self._leave:
                    continue
                if node := self._tree.nodes.get(f"/{name}/{feature.key}"):
                    result += _replacement(node, value, feature)
                elif value != feature.default:
                    missing.append((feature.key, spelled(value, feature)))
            if not missing:
                continue
            if section := self._tree.nodes.get(f"/{name}"):
                result += self._grown(section, missing)
            else:
                new_sections.append((name, missing))
        return result + self._with_sections(new_sections)

    def _grown(self, section: yaml.Node, missing: list[tuple[str, str]]) -> list[_Splice]:
        """Add keys to a section that is there, though it may be empty."""
        start, end = section.start_mark, section.end_mark
        if not isinstance(section, yaml.MappingNode):  # `camera:` or `camera: null`
            indent = start.column - len(self._line_to(start.index).lstrip()) + _INDENT
            return [
                _Splice(start.index, end.index, ""),
                self._lines_after(end.index, indent, missing),
            ]
        if section.flow_style:
            return [_flow(section, [f"{key}: {value}" for key, value in missing])]
        first_key, _ = section.value[0]
        _, last = section.value[-1]
        return [self._lines_after(last.end_mark.index, first_key.start_mark.column, missing)]

    def _with_sections(self, sections: list[tuple[str, list[tuple[str, str]]]]) -> list[_Splice]:
        if not sections:
            return []
        root = self._tree.root
        if isinstance(root, yaml.MappingNode) and root.flow_style:
            spelled_out = [
                f"{name}: {{{', '.join(f'{key}: {value}' for key, value in entries)}}}"
                for name, entries in sections
            ]
            return [_flow(root, spelled_out)]
        margin = " " * (root.start_mark.column if root else 0)
        lines = [
            line
            for name, entries in sections
            for line in (
                "",
                f"{margin}{name}:",
                *(f"{margin}{' ' * _INDENT}{key}: {value}" for key, value in entries),
            )
        ]
        end = len(self._text)
        begin = "" if self._text.endswith(("\n", "\r")) else self._newline
        return [_Splice(end, end, begin + self._newline.join(lines) + self._newline)]

    def _lines_after(self, index: int, indent: int, entries: list[tuple[str, str]]) -> _Splice:
        """Add lines below the one in which `index` stands, whose trailing comment stays."""
        newline = self._newline
        lines = [f"{' ' * indent}{key}: {value}" for key, value in entries]
        end = self._text.find("\n", index)
        if end < 0:  # the last line, without a newline
            end = len(self._text)
        elif self._text[end - 1] == "\r":
            end -= 1
        return _Splice(end, end, newline + newline.join(lines))

    def _line_to(self, index: int) -> str:
        return self._text[self._text.rfind("\n", 0, index) + 1 : index]


def _replacement(node: yaml.Node, value: object, feature: Feature) -> list[_Splice]:
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        raise _CannotEditError
    text = spelled(value, feature)
    if node.style == '"' and isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif node.style == "'" and isinstance(value, str):
        text = "'" + value.replace("'", "''") + "'"
    if strictyaml.scalar(node) == value:
        return []  # also where it is spelled otherwise, such as 30.0 for 30
    return [_Splice(node.start_mark.index, node.end_mark.index, text)]


def _flow(mapping: yaml.MappingNode, entries: list[str]) -> _Splice:
    """Add entries to a mapping in braces."""
    if not mapping.value:
        index = mapping.start_mark.index + 1
        return _Splice(index, index, ", ".join(entries))
    _, last = mapping.value[-1]
    return _Splice(last.end_mark.index, last.end_mark.index, "".join(f", {e}" for e in entries))
