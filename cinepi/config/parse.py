"""From the text of `cinepi.yaml` to a checked configuration."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import msgspec

from cinepi import strictyaml
from cinepi.check import parse, problems_of
from cinepi.errors import InvalidArgumentError, Problem
from cinepi.model.settings import Config

Objections = Callable[[Config], list[Problem]]
"""Says what else is wrong with a configuration, such as what the connected camera cannot do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a configuration file means.

    Attributes:
        config: The configuration, made of all that is understood.
        text: The file's content.
        problems: What is not understood, each with its place in the text. An unknown key, or a
            value that is not allowed, costs itself only: what it would have set stays as it was.
    """

    config: Config
    text: str
    problems: tuple[Problem, ...]


def read_config(
    text: str,
    *,
    source: str,
    before: Config = Config(),  # noqa: B008 - frozen
    objections: Objections = lambda _config: [],
) -> Reading:
    """Read a configuration file and take from it all that is understood.

    Keys that it leaves out have their defaults. A key that is not known, as one of a newer version,
    is left alone; where a value is not allowed, the one of `before` holds. With `iso: 9000` in the
    file and 400 in `before`, the ISO is 400 and one problem says so.

    Blocks for 2.4 ms on a file with every key and comment (measured on a server core), for up to
    a second on the most hostile one.

    Args:
        text: The file's content.
        source: What to call it in problems, such as `cinepi.yaml`.
        before: The configuration that was in force before.
        objections: Asked about what was read; what it names by a pointer to a value, such as
            `/camera/resolution`, is a problem too.

    Raises:
        TooLargeError: The text is over the limit of `strictyaml`.
        InvalidArgumentError: It is empty, no YAML, or no mapping: nothing of it can be used.
    """
    tree, sections = _read(text, source)
    problems = problems_of(Config, sections)
    if not isinstance(sections, dict):
        raise InvalidArgumentError.of(strictyaml.located(problems, tree, source=source))
    config = _understood(sections, problems, before)
    if more := objections(config):
        problems += more
        config = _understood(sections, problems, before)
    return Reading(config, text, tuple(strictyaml.located(problems, tree, source=source)))


def parse_config(text: str, *, source: str) -> Config:
    """Read a configuration file in which everything has to be right; see `read_config`.

    Raises:
        TooLargeError: The text is over the limit of `strictyaml`.
        InvalidArgumentError: With every problem, each as `source:line:column: what is wrong`.
    """
    tree, sections = _read(text, source)
    if problems := problems_of(Config, sections):
        raise InvalidArgumentError.of(strictyaml.located(problems, tree, source=source))
    return parse(Config, sections)


def nearest(values: object, before: Config = Config()) -> Config:  # noqa: B008 - frozen
    """The configuration of plain values, as far as they are understood; `before` for the rest."""
    if not isinstance(values, dict):
        return before
    return _understood(values, problems_of(Config, values), before)


def _read(text: str, source: str) -> tuple[strictyaml.Tree, object]:
    """The nodes of a text, and its sections as plain values."""
    if not text.strip("\ufeff \t\r\n"):
        # A power cut leaves empty files; whoever wants the defaults can delete the file.
        raise InvalidArgumentError.at("", f"{source} is empty")
    tree = strictyaml.load(text, source=source)
    return tree, strictyaml.sections(tree)


def _understood(
    sections: dict[str, object], problems: Collection[Problem], before: Config
) -> Config:
    """Take every known value that is in order, and that of `before` for each that is not."""
    wrong = {problem.field for problem in problems}
    in_force: dict[str, object] = {}
    known: dict[str, dict[str, object]] = msgspec.to_builtins(before)
    for name, values in known.items():
        given = sections.get(name, {})
        if not isinstance(given, dict):  # such as `camera: 5`: all of the section stays
            in_force[name] = values
            continue
        in_force[name] = {
            key: values[key] if f"/{name}/{key}" in wrong else value
            for key, value in given.items()
            if key in values
        }
    return parse(Config, in_force)
