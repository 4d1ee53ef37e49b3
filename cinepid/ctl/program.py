"""The command line: options that every verb has, verbs found by file name, errors in one line."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from cinepi.errors import CinepiError, InvalidArgumentError
from cinepi.units import Seconds
from cinepid.ctl.errors import ALL_FAILED, EXIT_CODES, INTERRUPTED, NO_BROKER, USAGE, CtlError
from cinepid.ctl.text import safe

PROGRAM = "cinepictl"
TIMEOUT: Seconds = 5.0

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
    add_options: Callable[[argparse.ArgumentParser], None] = lambda _: None
    examples: tuple[str, ...] = ()


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Say it and where to read more, and leave."""
        self.exit(USAGE, f"{safe(message)} (see: {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for; returns the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(argv).parse_args(argv)
    try:
        code: int = asyncio.run(options.verb.run(options))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
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
    parser = Parser(
        prog=PROGRAM,
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_common(parser, is_top=True)
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in needed:
        one = verb(name)
        options = verbs.add_parser(
            name,
            help=one.help,
            description=f"{one.help[0].upper()}{one.help[1:]}.",
            epilog=_epilog(one.examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.add_options(options)
        add_common(options, is_top=False)
        options.set_defaults(verb=one)
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
        type=float,
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


def add_actions(
    parser: argparse.ArgumentParser, actions: Mapping[str, str]
) -> dict[str, argparse.ArgumentParser]:
    """Give a verb its actions, such as `get` and `set`; each takes the common options too."""
    subparsers = parser.add_subparsers(metavar="ACTION", required=True)
    made = {}
    for name, help_text in actions.items():
        description = f"{help_text[0].upper()}{help_text[1:]}."
        action = subparsers.add_parser(
            name, help=help_text, description=description, allow_abbrev=False
        )
        action.set_defaults(action=name)
        add_common(action, is_top=False)
        made[name] = action
    return made


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from cinepi import __version__  # noqa: PLC0415

        parser.exit(0, f"{PROGRAM} {__version__}\n")


def _epilog(examples: Sequence[str]) -> str:
    shown = "".join(f"  {PROGRAM} {example}\n" for example in examples)
    return (f"examples:\n{shown}\n" if shown else "") + EXIT_CODES
