"""`python -m cinepid.demo.child PARENT PROGRAM …`: become a program that ends with its parent.

However the demo ends, `kill -9` included, the kernel then ends what it started.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h; it survives exec, but not a change of user


def main() -> None:
    """Tie this process to the parent of that pid, and become the program; does not return."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it ended before the kernel was told
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
