"""`cinepid`, and `python -m cinepid`."""

import sys

from cinepi.entry import start


def main() -> int:
    """Run the program; returns its exit code."""
    return start("cinepid.program")


if __name__ == "__main__":
    sys.exit(main())
