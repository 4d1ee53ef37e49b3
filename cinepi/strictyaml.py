"""YAML as people mean it: no aliases, no tags, no key twice, and no value that changes its type.

YAML 1.1 reads a bare `off` as false, `1:30` as 90 and `0400` as 256. Here only what JSON would take
for a number, `true`, `false` and `null` are something else than text, as in YAML 1.2; so
`noise_reduction: off` means what it says, and `interval: 1:30` gets a helpful error instead of a
surprise. Every problem names the line.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from cinepi.check import below
from cinepi.errors import InvalidArgumentError, Problem, TooLargeError
from cinepi.units import Bytes

MAX_SIZE: Bytes = 64 * 1024
"""Longest text accepted; a configuration with all of its comments has a tenth of that."""
MAX_DEPTH = 16
"""Deepest nesting accepted; PyYAML descends on the stack."""

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True}
_BOOLEAN |= {"false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")

_TRAPS = (
    (
        re.compile(r"[-+]?[0-9]+(:[0-9]+)+(\.[0-9]*)?"),
        "write one plain number, such as 90 for 1:30",
    ),
    (re.compile(r"[-+]?0[0-9]+"), "write it without the leading 0"),
    (re.compile(r"[-+]?0[xob][0-9a-fA-F_]+"), "write it as a decimal number"),
    (re.compile(r"[-+]?[0-9]+,[0-9]{1,2}"), "write a decimal point, not a comma"),
    (re.compile(r"[-+]?[0-9]{1,3}([_,' ][0-9]{3})+"), "write the digits without separators"),
    (re.compile(r"[-+]?[0-9.]+ ?[^\W\d_]+|[-+]?[0-9.]+ ?%"), "write the number without its unit"),
    (re.compile(r"[\w-]+:\S.*"), "put a space after the colon"),
)
"""Plain text that somebody meant otherwise, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A YAML text that has been read.

    Attributes:
        value: Its content as plain values: dict, list, str, int, float, bool, None.
        root: Its nodes, with their places in the text; None if there are only comments.
        nodes: Each node by its JSON pointer, such as `/camera/iso`.
    """

    value: object
    root: yaml.Node | None
    nodes: dict[str, yaml.Node]


def load(text: str, *, source: str) -> Tree:
    """Read one YAML document; blocks for some ms, for up to a second on the most hostile text.

    Args:
        text: The document.
        source: What to call it in errors, such as its file name.

    Raises:
        TooLargeError: It is longer than `MAX_SIZE`; it was not looked at.
        InvalidArgumentError: It is no YAML, or uses what is refused here; the message has
            `source:line:column`.
    """
    if len(text) > MAX_SIZE:
        raise TooLargeError(f"{source} has more than the {MAX_SIZE} characters that are accepted")
    try:
        root = _Composer(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        message = f"{_place(source, error.problem_mark)}: {_syntax_help(error, text)}"
        raise InvalidArgumentError(message, Problem("", message)) from error
    except yaml.YAMLError as error:  # a character that no YAML may hold, and no place for it
        message = f"{source} is no text: it holds control characters"
        raise InvalidArgumentError(message, Problem("", message)) from error
    reader = _Reader(source)
    value = None if root is None else reader.value(root, "")
    if reader.problems:
        raise InvalidArgumentError.of(reader.problems)
    return Tree(value, root, reader.nodes)


def sections(tree: Tree) -> object:
    """The content of a file of sections: one with nothing below it has all of its defaults.

    Somebody may have commented out every key of a section, or of the file. What is no mapping is
    returned as it is, for the check to refuse.
    """
    if tree.value is None:
        return {}
    if not isinstance(tree.value, dict):
        return tree.value
    return {key: {} if item is None else item for key, item in tree.value.items()}


def located(problems: Sequence[Problem], tree: Tree, *, source: str) -> list[Problem]:
    """Add to each problem where it stands, and what the writer may have meant, if that is clear."""
    result = []
    for problem in problems:
        node = tree.nodes.get(problem.field) or tree.root
        place = _place(source, node.start_mark if node else None)
        message = f"{place}: {problem.message}{_trap(node)}"
        result.append(Problem(problem.field, message))
    return result


def scalar(node: yaml.Node) -> object:
    """The value of a node that is neither a mapping nor a list."""
    is_quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
    return node.value if is_quoted else plain(node.value)


def plain(text: str) -> object:
    """The value that a text without quotes stands for."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


class _Composer(yaml.SafeLoader):
    """Makes nodes, and refuses while it reads what could make a small text a large value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Make one node and all below it."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call] # not in the stubs
        refused = None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refused = "anchors (&) and aliases (*) are not allowed; quote text that begins so"
        elif getattr(event, "tag", None):
            refused = "tags (!) are not allowed; quote text that begins so"
        elif self._depth > MAX_DEPTH:
            refused = f"nested deeper than the {MAX_DEPTH} levels that are accepted"
        if refused:
            mark = event.start_mark
            raise yaml.MarkedYAMLError(problem=refused, problem_mark=mark)  # type: ignore[arg-type] # stubs
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Reader:
    """Turns nodes into values, remembering where each stands and what is wrong."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.nodes: dict[str, yaml.Node] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, at: str) -> object:
        self.nodes[at] = node
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{at}/{index}") for index, item in enumerate(node.value)]
        return scalar(node)

    def _mapping(self, node: yaml.MappingNode, at: str) -> dict[str, object]:
        result: dict[str, object] = {}
        lines: dict[str, int] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(at, key, "a key must be plain text")
                continue
            name = str(key.value)
            if name in lines:
                message = f"{name[:40]} is given twice; first in line {lines[name]}"
                self._refuse(below(at, name), key, message)
                continue
            lines[name] = key.start_mark.line + 1
            result[name] = self.value(item, below(at, name))
        return result

    def _refuse(self, at: str, node: yaml.Node, message: str) -> None:
        self.problems.append(Problem(at, f"{_place(self._source, node.start_mark)}: {message}"))


def _place(source: str, mark: yaml.Mark | None) -> str:
    return source if mark is None else f"{source}:{mark.line + 1}:{mark.column + 1}"


def _syntax_help(error: yaml.MarkedYAMLError, text: str) -> str:
    """PyYAML's words, or better ones for what people get wrong most."""
    mark = error.problem_mark
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return "a tab cannot indent YAML; use spaces"
    known = {
        "but found another document": "a second document begins here; only one is allowed",
        "mapping values are not allowed here": "a colon and a space here begin a value where none "
        "can be; check the indentation, or quote the text",
        "could not find expected ':'": "a key without its colon, or a colon without its space",
        "expected <block end>, but found '<block mapping start>'": "this line is indented "
        "differently from the lines that it belongs to",
    }
    problem = error.problem or "not valid YAML"
    return known.get(problem, problem)


def _trap(node: yaml.Node | None) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return ""
    if node.style in ("'", '"') and node.value and not isinstance(plain(node.value), str):
        return " (write it without quotes)"
    if node.style or isinstance(plain(node.value), bool | int | float):
        return ""
    if node.value in _NULL:
        return " (leave the line out to get the default)"
    hints = (hint for trap, hint in _TRAPS if trap.fullmatch(node.value))
    hint = next(hints, None)
    return f" ({hint})" if hint else ""
