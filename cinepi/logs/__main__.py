"""`python3 -m cinepi.logs`: what the camera service and the MQTT daemon said lately."""

import argparse
import sys
from typing import TYPE_CHECKING

from cinepi import cli
from cinepi.entry import FAILED
from cinepi.paths import Layout

if TYPE_CHECKING:
    from cinepi.logs.entry import LogEntry


def _recent(args: argparse.Namespace) -> int:
    import msgspec  # noqa: PLC0415 - help does without all of these

    from cinepi.logs.recent import search  # noqa: PLC0415
    from cinepi.protocol import LogsRecentParams  # noqa: PLC0415

    layout = Layout.find(args.root)
    params = msgspec.convert(cli.given(args, LogsRecentParams), LogsRecentParams)
    found = search([layout.log, layout.daemon_log], **msgspec.structs.asdict(params))
    is_json = args.json or not sys.stdout.isatty()
    for entry in found.entries:
        sys.stdout.write(_shown(entry, is_json=is_json))
    if not found.entries and not found.notes:
        sys.stderr.write(f"nothing fits in {layout.log} and {layout.daemon_log}\n")
    for note in found.notes:
        sys.stderr.write(f"{note}\n")
    return FAILED if found.notes and not found.entries else 0


def _shown(entry: "LogEntry", *, is_json: bool) -> str:
    from cinepi.logs.entry import line_of  # noqa: PLC0415 - help does without
    from cinepi.logs.text import is_colour_welcome, text_of  # noqa: PLC0415

    if is_json:
        return line_of(entry).decode()
    return text_of(entry, is_coloured=is_colour_welcome(sys.stdout)) + "\n"


def _add_options(options: argparse.ArgumentParser) -> None:
    from cinepi.features import features_of  # noqa: PLC0415
    from cinepi.protocol import LogsRecentParams  # noqa: PLC0415

    cli.add_features(options, features_of(LogsRecentParams), {})
    options.add_argument(
        "--json", action="store_true", help="print JSON lines; in a pipe this is the default"
    )


_VERBS = (
    cli.Verb(
        "recent",
        "print the newest entries of the camera service's and the MQTT daemon's log, newest first",
        _recent,
        _add_options,
        "recent --level warning\nrecent --module camera --since 2027-06-21T00:00 --limit 500",
    ),
)


def main() -> int:
    """Run the command line and return its exit code."""
    return cli.main("cinepi.logs", "Logs: find out what happened.", _VERBS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
