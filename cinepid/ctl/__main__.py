"""`cinepictl`, and `python -m cinepid.ctl`."""

import sys

from cinepi.entry import start


def main() -> int:
    """Run the program; returns its exit code."""
    return start("cinepid.ctl.program")


if __name__ == "__main__":
    sys.exit(main())
