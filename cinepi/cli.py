"""Manners of every command line: one question to the service, one answer, one exit code.

Data goes to stdout, words about what went wrong to stderr. People wait for these programs, on a
Pi Zero too, so a verb's options are built only when that verb is called.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from cinepi.client import START_LIMIT, Client
from cinepi.entry import FAILED, INTERRUPTED, has_packages
from cinepi.errors import CinepiError, InvalidArgumentError
from cinepi.paths import ROOT_VARIABLE, Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import msgspec

    from cinepi.features import Feature
    from cinepi.units import Seconds

USAGE = 2

_SETTLE_LIMIT: Seconds = 4.0  # how long a camera may take to open, at the very first question
_SETTLE_PERIOD: Seconds = 0.05

EXIT_CODES = """\
exit codes:
  0    done
  1    it failed; the reason is on stderr
  2    wrong arguments; the reason is on stderr
  130  interrupted"""


class Verb(NamedTuple):
    """One thing that a program can do.

    Attributes:
        name: The word on the command line.
        help: One line.
        run: Does it, and returns the exit code.
        add_options: Adds its own options; None if it has none.
        examples: Lines that can be typed as they stand.
        is_quick_alone: Whether `run` gets along without its options' defaults, so that they need
            not be built when the verb is all that was given.
    """

    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    add_options: Callable[[argparse.ArgumentParser], None] | None = None
    examples: str = ""
    is_quick_alone: bool = False


class _Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Say it and where to read more, and leave."""
        self.exit(USAGE, f"{message} (see: {self.prog} --help)\n")


def main(program: str, about: str, verbs: Sequence[Verb], argv: Sequence[str]) -> int:
    """Do what `argv` asks for, and return the exit code.

    Args:
        program: As in `python3 -m PROGRAM`.
        about: What the program is for.
        verbs: What it can do.
        argv: Without the program's name.
    """
    if not has_packages():
        return FAILED
    parser, options_of = _parser(program, about, verbs, argv)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        options_of[args.verb.name].error(_unknown_option(unknown[0], options_of[args.verb.name]))
    try:
        status: int = args.verb.run(args)
        sys.stdout.flush()
    except CinepiError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE if isinstance(error, InvalidArgumentError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has seen enough
        _drop_output()
        return 0
    except OSError as error:  # all others are ours by now
        sys.stderr.write(f"the output cannot be written: {error.strerror}\n")
        _drop_output()
        return FAILED
    return status


def _drop_output() -> None:
    """Keep the interpreter from trying once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def ask(
    args: argparse.Namespace,
    method: str,
    params: Mapping[str, object] | None = None,
    *,
    limit: Seconds,
    is_settled: Callable[[Any], bool] = lambda _: True,
) -> Any:
    """Ask the service below `--root`, starting it if need be; all of it within `limit` seconds.

    A service that was just started is asked again for a while, until `is_settled` by its answer.

    Raises:
        CinepiError: What the service answered, or why there is no answer.
    """
    deadline = time.monotonic() + limit
    with Client.connect(Layout.find(args.root), limit=min(limit, START_LIMIT)) as client:
        settled_by = time.monotonic() + _SETTLE_LIMIT if client.is_first else 0.0
        while True:
            answer = client.ask(method, params, timeout=max(deadline - time.monotonic(), 1.0))
            if is_settled(answer) or time.monotonic() > settled_by:
                return answer
            time.sleep(_SETTLE_PERIOD)


def show_json(document: object) -> None:
    """Print a document as JSON, as wide as people can read it."""
    is_utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=not is_utf8) + "\n")


def show(args: argparse.Namespace, document: object, words: Iterable[str]) -> None:
    """Print `words` on a terminal, and the document as JSON in a pipe or with `--json`."""
    if getattr(args, "json", False) or not sys.stdout.isatty():
        show_json(document)
        return
    for line in words:
        sys.stdout.write(line + "\n")


def add_json_option(options: argparse.ArgumentParser) -> None:
    """Let people have in a terminal what programs get in a pipe."""
    options.add_argument(
        "--json", action="store_true", help="print JSON; in a pipe this is the default"
    )


def add_features(
    options: argparse.ArgumentParser,
    features: Iterable[Feature],
    spellings: Mapping[str, Sequence[str]],
) -> None:
    """Make an option of every setting; its help says the unit, the range and the default.

    `spellings` has the option's names where they are not the setting's key.
    """
    for feature in features:
        plain = ("--" + feature.key.replace("_", "-"),)
        options.add_argument(
            *spellings.get(feature.key, plain),
            dest=feature.key,
            type=_to_number if feature.kind in ("integer", "number", "choice") else str,
            metavar=_placeholder(feature),
            help=_help(feature).replace("%", "%%"),
            default=argparse.SUPPRESS,
        )


def has_options(args: argparse.Namespace) -> bool:
    """Whether anything was given that is the verb's own."""
    return bool(vars(args).keys() - {"root", "verb", "json"})


def given(args: argparse.Namespace, message: type[msgspec.Struct]) -> dict[str, Any]:
    """The options that were given and are fields of `message`, checked against their ranges.

    Raises:
        InvalidArgumentError: With every value that is out of range.
    """
    from cinepi.check import problems_of  # noqa: PLC0415 - only where there is something to check

    values = {key: value for key, value in vars(args).items() if key in message.__struct_fields__}
    if problems := problems_of(message, values):
        raise InvalidArgumentError.of(problems)
    return values


def _parser(
    program: str, about: str, verbs: Sequence[Verb], argv: Sequence[str]
) -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog=f"python3 -m {program}",
        description=about,
        epilog=_epilog(program, [verb.examples for verb in verbs]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_root(parser, default=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    options_of = {}
    for verb in verbs:
        options = commands.add_parser(
            verb.name,
            help=verb.help,
            description=verb.help[0].upper() + verb.help[1:] + ".",
            epilog=_epilog(program, [verb.examples]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        options.set_defaults(verb=verb)
        _add_root(options, default=argparse.SUPPRESS)
        is_needless = verb.is_quick_alone and len(argv) == 1
        if verb.add_options and verb.name in argv and not is_needless:
            verb.add_options(options)
        options_of[verb.name] = options
    return parser, options_of


def _add_root(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--root",
        metavar="DIR",
        default=default,
        help=f"the folder that takes the place of / (else ${ROOT_VARIABLE}, else /)",
    )


def _epilog(program: str, examples: Iterable[str]) -> str:
    lines = [line for text in examples for line in text.splitlines()]
    shown = "".join(f"  python3 -m {program} {line}\n" for line in lines)
    return (f"examples:\n{shown}\n" if shown else "") + EXIT_CODES


def _unknown_option(word: str, options: argparse.ArgumentParser) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a mistake

    if not word.startswith("-"):
        return f"{word} is one argument too many"
    known = [name for action in options._actions for name in action.option_strings]  # noqa: SLF001
    close = get_close_matches(word.partition("=")[0], known, n=1)
    return f"{word} is unknown" + (f"; did you mean {close[0]}?" if close else "")


def _to_number(text: str) -> int | float | str:
    """A number where it is one; else the text, for the check to say what is wrong with it."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _placeholder(feature: Feature) -> str:
    if feature.choices:
        return "|".join(feature.choices)
    if feature.kind in ("integer", "number"):
        return {"s": "SECONDS", "µs": "MICROSECONDS"}.get(feature.unit or "", "N")
    return {"time": "TIME"}.get(feature.kind, feature.key.rpartition("_")[2].upper())


def _help(feature: Feature) -> str:
    allowed = ""
    if feature.minimum is not None and feature.maximum is not None:
        allowed = f"{feature.minimum:.12g} to {feature.maximum:.12g} {feature.unit or ''}".rstrip()
    default = "" if feature.default is None else f"default {feature.default}"
    facts = "; ".join(fact for fact in (allowed, default) if fact)
    return feature.help + (f" [{facts}]" if facts else "")
