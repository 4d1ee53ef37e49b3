"""The command line: options that every verb has, verbs found by file name, errors in one line."""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from cinepi.errors import CinepiError, InvalidArgumentError
from cinepi.units import Seconds
from cinepid.ctl.errors import ALL_FAILED, EXIT_CODES, NO_BROKER, USAGE, CtlError
from cinepid.ctl.text import safe

PROGRAM = "cinepictl"
TIMEOUT: Seconds = 5.0
_LONGEST: Seconds = 3600.0

_UNKNOWN = re.compile("argument (COMMAND|ACTION): invalid choice: '([^']*)'")
_VERBS = Path(__file__).parent / "verbs"
_ABOUT = """\
See and steer all CinePi cameras of an MQTT broker.

DEVICE is a name or a glob such as 'roof-*'; --group, --all and --match choose as well.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing that the program does.

    Attributes:
        help: One line.
        run: Does it, and returns the exit code.
        add_options: Adds its own options.
        examples: What follows the program's name, a line each.
    """

    help: str
    run: Callable[[argparse.Namespace], Awaitable[int]]
    add_options: Callable[["Parser"], None] = lambda _: None
    examples: tuple[str, ...] = ()


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line.

    Attributes:
        children: The parsers of its verbs or actions, by name.
    """

    def __init__(self, **settings: Any) -> None:
        """See argparse; nothing may be abbreviated, so that new options break no script."""
        super().__init__(formatter_class=_formatter, allow_abbrev=False, **settings)
        self.children: dict[str, Parser] = {}

    def error(self, message: str) -> NoReturn:
        """Say it and where to read more, and leave."""
        if unknown := _UNKNOWN.match(message):
            message = f"there is no {safe(unknown[2])}"
            close = get_close_matches(unknown[2], self.children, n=1)
            known = ", ".join(self.children)
            message += f"; did you mean {close[0]}?" if close else f"; there are {known}"
        self.exit(USAGE, f"{safe(message)} (see: {self.prog} --help)\n")

    def flags(self, *, with_value: bool = False) -> set[str]:
        """Its options, all by their long names, or those that a value follows by all names."""
        return {
            name
            for action in self._actions
            for name in action.option_strings
            if (action.nargs != 0 if with_value else name.startswith("--"))
        }

    def describe_usage(self) -> None:
        """Say what stands where; the many options are listed below it."""
        words = [
            f"[{action.metavar} ...]" if action.nargs == "*" else str(action.metavar)
            for action in self._actions
            if not action.option_strings
        ]
        self.usage = " ".join(("%(prog)s [options]", *words, *(["..."] if self.children else [])))


def _formatter(prog: str) -> argparse.HelpFormatter:
    """As wide as the terminal; argparse loads half a dozen modules to find that out."""
    try:
        width = os.get_terminal_size().columns - 2
    except OSError:
        width = 78
    return argparse.RawDescriptionHelpFormatter(prog, width=min(width, 98))


def whole(text: str) -> int:
    """A number of things on the command line, 1 or more."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        message = f"must be a whole number from 1 on, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return number


def seconds(text: str) -> Seconds:
    """A time span on the command line, above 0 and up to an hour."""
    try:
        span = float(text)
    except ValueError:
        span = 0.0
    if not 0 < span <= _LONGEST:
        message = f"must be seconds, above 0 and up to {_LONGEST:g}, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return span


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for; returns the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(argv)
    if not argv:
        parser.print_help()
        return USAGE
    options = parser.parse_args(argv)
    try:
        code: int = asyncio.run(options.verb.run(options))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except CinepiError as error:
        with suppress(BrokenPipeError):
            sys.stderr.write(f"{safe(error)}\n")
        return _exit_code(error)
    return code


def verb_names() -> tuple[str, ...]:
    """Every verb there is, by file name."""
    files = sorted(path.stem for path in _VERBS.glob("*.py"))
    return tuple(name for name in files if not name.startswith("_"))


def verb(name: str) -> Verb:
    """The verb of this name."""
    module: ModuleType = import_module(f"{__package__}.verbs.{name}")
    found: Verb = module.VERB
    return found


def complete_parser() -> Parser:
    """The parser with every option of every verb."""
    return _parser(list(verb_names()), is_complete=True)


def _exit_code(error: CinepiError) -> int:
    from cinepid.errors import BrokerError  # noqa: PLC0415 - the program has failed already

    if isinstance(error, CtlError):
        return error.exit_code
    if isinstance(error, BrokerError):
        return NO_BROKER
    return USAGE if isinstance(error, InvalidArgumentError) else ALL_FAILED


def _parser(argv: Sequence[str], *, is_complete: bool = False) -> Parser:
    """Build what is needed for `argv`: people wait for it, on a Pi Zero too."""
    names = verb_names()
    named = [word for word in argv if word in names]
    needed = tuple(dict.fromkeys(named)) if named and not is_complete else names
    if argv[:1] == ["--version"]:
        needed = ()
    parser = Parser(prog=PROGRAM, description=_ABOUT)
    add_common(parser, is_top=True)
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in needed:
        one = verb(name)
        options = parser.children[name] = verbs.add_parser(
            name,
            help=one.help,
            description=f"{one.help[0].upper()}{one.help[1:]}.",
            epilog=_epilog(one.examples),
        )
        one.add_options(options)
        options.set_defaults(verb=one)
        for action_name, action in options.children.items():
            prefix = f"{name} {action_name}"
            own = [example for example in one.examples if example.startswith(prefix)]
            action.epilog = _epilog(own)
            add_common(action, is_top=False)
            action.describe_usage()
        add_common(options, is_top=False)
        options.describe_usage()
    parser.describe_usage()
    parser.epilog = _epilog(
        ("ls", "snapshot --all", "session start 'roof-*' --interval 30", "watch --group north")
    )
    return parser


def add_common(parser: argparse.ArgumentParser, *, is_top: bool) -> None:
    """Options that may stand before and after the verb; a verb's actions take them as well."""
    default = None if is_top else argparse.SUPPRESS
    common = parser.add_argument_group("broker and output")

    def add(*names: str, metavar: str, help: str) -> None:  # noqa: A002
        common.add_argument(*names, metavar=metavar, default=default, help=help)

    def switch(*names: str, help: str) -> None:  # noqa: A002
        absent = False if is_top else argparse.SUPPRESS
        common.add_argument(*names, action="store_true", default=absent, help=help)

    add("-c", "--context", metavar="NAME", help="a broker from contexts.yaml [CINEPICTL_CONTEXT]")
    add("-b", "--broker", metavar="ADDRESS", help="host, host:port or mqtts://… [CINEPICTL_BROKER]")
    add("-u", "--username", metavar="USER", help="name to log in with [CINEPICTL_USER]")
    add("--password-file", metavar="FILE", help="holds the password [or CINEPICTL_PASSWORD]")
    add("--ca-file", metavar="FILE", help="who may sign the broker's certificate")
    add("--cert-file", metavar="FILE", help="a certificate of your own")
    add("--key-file", metavar="FILE", help="its key")
    add("--server-name", metavar="NAME", help="name in the broker's certificate")
    switch("--tls", help="encrypt, and trust the system's authorities")
    switch("--insecure", help="do not check the broker's certificate")
    common.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        default=TIMEOUT if is_top else argparse.SUPPRESS,
        help=f"how long to wait for answers [{TIMEOUT:g}]",
    )
    switch("--json", help="print JSON; streams print one object on each line")
    switch("-y", "--yes", help="do not ask")
    common.add_argument(
        "--colour",
        "--color",
        choices=("auto", "always", "never"),
        default="auto" if is_top else argparse.SUPPRESS,
        help="[auto]",
    )


def add_actions(parser: Parser, actions: Mapping[str, str]) -> dict[str, Parser]:
    """Give a verb its actions, such as `get` and `set`; each takes the common options too."""
    subparsers = parser.add_subparsers(metavar="ACTION", required=True)
    for name, help_text in actions.items():
        description = f"{help_text[0].upper()}{help_text[1:]}."
        action = subparsers.add_parser(name, help=help_text, description=description)
        action.set_defaults(action=name)
        parser.children[name] = action
    return parser.children


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from cinepi import __version__  # noqa: PLC0415

        parser.exit(0, f"{PROGRAM} {__version__}\n")


def _epilog(examples: Sequence[str]) -> str:
    shown = "".join(f"  {PROGRAM} {example}\n" for example in examples)
    return (f"examples:\n{shown}\n" if shown else "") + EXIT_CODES
