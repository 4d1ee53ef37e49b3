"""The command line of `cinepid`: the MQTT daemon, and what helps to set it up."""

import argparse
import asyncio
import sys
from pathlib import Path

from cinepi import __version__
from cinepi.clock import system_clock
from cinepi.entry import FAILED, settle_in
from cinepi.errors import CinepiError
from cinepi.logs.setup import logger, set_level
from cinepi.paths import ROOT_VARIABLE, Layout, at_home
from cinepid.config import MINIMAL, load
from cinepid.errors import ConfigError

_EPILOG = f"""\
configuration:
  The smallest one says where the broker is:

{"".join(f"    {line}" for line in MINIMAL.splitlines(keepends=True))}
exit codes:
  0   done, or stopped by SIGTERM
  1   something failed; the log says what
  2   wrong arguments
  {ConfigError.EXIT_CODE}  the configuration or what it needs is wrong; `cinepid check` explains
"""


def main() -> int:
    """Run the program; returns its exit code."""
    try:
        options = _parser().parse_args()
        exit_code: int = options.run(options)
    except ConfigError as error:
        print(f"cinepid: {error}", file=sys.stderr)
        return ConfigError.EXIT_CODE
    except CinepiError as error:
        print(f"cinepid: {error}", file=sys.stderr)
        return FAILED
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cinepid",
        description="Drive a CinePi camera over MQTT.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cinepid {__version__}")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    run = verbs.add_parser("run", help="connect to the broker and serve, until SIGTERM")
    run.set_defaults(run=_run)
    check = verbs.add_parser("check", help="say everything that is wrong with the set-up")
    check.set_defaults(run=_check)
    for verb in (run, check):
        verb.add_argument(
            "--config",
            metavar="FILE",
            help=f"[{Layout.find().daemon_config}]",
        )
        verb.add_argument(
            "--root",
            metavar="DIR",
            help=f"folder that takes the place of / [{ROOT_VARIABLE}, else /]",
        )
    demo = verbs.add_parser("demo", help="broker, simulated camera and daemon, here and now")
    if "demo" in sys.argv[1:]:  # only then is it worth importing
        from cinepid import demo as demonstration  # noqa: PLC0415

        demonstration.add_options(demo)
        demo.set_defaults(run=demonstration.main)
    return parser


def _run(options: argparse.Namespace) -> int:
    from cinepid.app import run  # noqa: PLC0415 - what is wrong with a file is said sooner

    settle_in()
    layout = Layout.find(options.root)
    config = load(_config_path(options, layout))
    try:
        asyncio.run(run(config, layout, system_clock()))
    except CinepiError:
        raise
    except BaseExceptionGroup:
        logger("main").exception("a loop has died; the process ends to be started again")
        return FAILED
    return 0


def _config_path(options: argparse.Namespace, layout: Layout) -> Path:
    return at_home(options.config, "config") if options.config else layout.daemon_config


def _check(options: argparse.Namespace) -> int:
    from cinepid.checkup import findings  # noqa: PLC0415 - it imports all that it checks

    set_level("error")  # what is wrong is in the report
    layout = Layout.find(options.root)
    path = _config_path(options, layout)
    found = asyncio.run(findings(path, layout, system_clock()))
    for finding in found:
        mark = "  ok" if finding.is_good else "FAIL" if finding.is_fatal else "note"
        print(f"{mark}  {finding.what}")
        if finding.advice:
            print(f"      -> {finding.advice}")
    wrong = sum(not finding.is_good and finding.is_fatal for finding in found)
    print(f"{wrong} to mend" if wrong > 1 else "one thing to mend" if wrong else "all is well")
    return ConfigError.EXIT_CODE if wrong else 0
