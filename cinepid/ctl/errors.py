"""What can go wrong for an operator, each with the exit code that tells a script."""

from typing import ClassVar

from cinepi.errors import CinepiError

OK = 0
ALL_FAILED = 1
USAGE = 2
PARTIAL = 3
NO_DEVICE = 4
NO_BROKER = 5
NO_ANSWER = 6

EXIT_CODES = """\
exit codes:
  0    all of them did it
  1    none of them could do it
  2    wrong arguments, or a question that nobody was there to answer
  3    some did it, some failed or did not answer
  4    no device fits
  5    the broker cannot be reached, or refuses
  6    nobody answered
  130  interrupted"""


class CtlError(CinepiError):
    """An error that ends the program with its own exit code."""

    exit_code: ClassVar[int] = ALL_FAILED


class UsageError(CtlError):
    """The command line asks for something that cannot be."""

    exit_code = USAGE


class NoDeviceError(CtlError):
    """No device fits what was asked for."""

    exit_code = NO_DEVICE


class SilenceError(CtlError):
    """A single device did not answer."""

    exit_code = NO_ANSWER
