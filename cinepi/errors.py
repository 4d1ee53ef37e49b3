"""Every error that CinePi reports: each has a stable code, and says whether a retry can help."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

MAX_LISTED = 50
"""Problems that one error lists: the answer to a small message must not be a large one."""


class Problem(NamedTuple):  # a dataclass would cost every command line 10 ms of imports
    """One thing that is wrong with an input.

    Attributes:
        field: JSON pointer to the value, such as `/camera/iso`; empty for the whole input.
        message: One sentence that names the field, what was given and what is allowed.
    """

    field: str
    message: str


class CinepiError(Exception):
    """The root of all errors; its text is for people and holds no secret and no traceback.

    Attributes:
        code: Stable, machine-readable; part of the MQTT contract.
        retryable: Whether the same request may succeed later without a change.
        problems: What is wrong, where the error is about an input; may be empty.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *problems: Problem) -> None:
        """Keep the message for people and the list of problems for programs."""
        super().__init__(message)
        self.problems = problems

    @property
    def field(self) -> str | None:
        """JSON pointer to the first wrong field, if the error is about one."""
        return self.problems[0].field if self.problems else None


class InternalError(CinepiError):
    """A fault of ours; the log has the traceback."""


class InvalidArgumentError(CinepiError):
    """An argument is wrong; another call with the same arguments will fail again."""

    code = "invalid_argument"

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> "InvalidArgumentError":
        """Make one error of all problems, whose text lists each; of a great many, the first."""
        listed = [problem.message for problem in problems[:MAX_LISTED]]
        if len(problems) > MAX_LISTED:
            listed.append(f"and {len(problems) - MAX_LISTED} more")
        return cls("; ".join(listed), *problems[:MAX_LISTED])

    @classmethod
    def at(cls, field: str, message: str) -> "InvalidArgumentError":
        """Make an error about one field, named by its JSON pointer."""
        return cls(message, Problem(field, message))


class UnknownCommandError(CinepiError):
    """There is no command of this name."""

    code = "unknown_command"


class BusyError(CinepiError):
    """A bounded queue is full."""

    code = "busy"
    retryable = True


class ConflictError(CinepiError):
    """The request does not fit the present state, such as stopping what does not run."""

    code = "conflict"


class ExpiredError(CinepiError):
    """The command is older than its sender or its kind allows."""

    code = "expired"


class RetainedCommandError(CinepiError):
    """A retained message arrived on a command topic; those are never executed."""

    code = "retained_command"


class NotSupportedError(CinepiError):
    """This camera, board or broker cannot do that."""

    code = "not_supported"


class CameraUnavailableError(CinepiError):
    """The camera, or the service that owns it, does not answer."""

    code = "camera_unavailable"
    retryable = True


class StorageFullError(CinepiError):
    """No space is left above the reserve."""

    code = "storage_full"
    retryable = True


class StorageUnavailableError(CinepiError):
    """The folder of the pictures is not there, or it is another one than before."""

    code = "storage_unavailable"
    retryable = True


class PermissionDeniedError(CinepiError):
    """The operating system refused access."""

    code = "permission_denied"


class TooLargeError(CinepiError):
    """A message is over its limit."""

    code = "too_large"


class DeadlineError(CinepiError):
    """Something took longer than its limit."""

    code = "timeout"
    retryable = True


BY_CODE: dict[str, type[CinepiError]] = {
    error.code: error
    for error in (
        InternalError,
        InvalidArgumentError,
        UnknownCommandError,
        BusyError,
        ConflictError,
        ExpiredError,
        RetainedCommandError,
        NotSupportedError,
        CameraUnavailableError,
        StorageFullError,
        StorageUnavailableError,
        PermissionDeniedError,
        TooLargeError,
        DeadlineError,
    )
}
"""Each error class by its code, to make an error again on the other side of a socket."""
