"""`python3 -m cinepi.service`: the camera service, in the foreground."""

import argparse
import sys

from cinepi.entry import FAILED, settle_in
from cinepi.errors import CinepiError
from cinepi.paths import ROOT_VARIABLE, Layout
from cinepi.service.app import run

EXAMPLES = f"""
examples:
  python3 -m cinepi.service                     the installed layout, as systemd runs it
  python3 -m cinepi.service --root ~/timelapse  everything below one folder of your own

Every path of the installed layout moves below the folder that --root or {ROOT_VARIABLE} names.
Stop it with Ctrl-C or SIGTERM: a running session goes on at the next start.

exit codes: 0 stopped on request, 1 could not start, 70 ended because a part of it hangs,
75 ended because the camera hangs
"""


def main() -> int:
    """Serve until told to stop."""
    settle_in()
    parser = argparse.ArgumentParser(
        prog="python3 -m cinepi.service",
        description="The camera service: owns the camera, the pictures, the configuration.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", metavar="DIR", help="folder that takes the place of /")
    parser.add_argument(
        "--idle-exit",
        type=float,
        metavar="SECONDS",
        help="leave after so long without a session and without clients",
    )
    options = parser.parse_args()
    try:
        run(Layout.find(options.root), idle_exit=options.idle_exit)
    except CinepiError as error:
        print(f"cinepi.service: {error}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
