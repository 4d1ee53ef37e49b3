"""What became of a command: lines and JSON for the operator, and an exit code for scripts."""

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cinepid.ctl.ask import Command, Outcome, Reply
from cinepid.ctl.errors import ALL_FAILED, NO_ANSWER, OK, PARTIAL
from cinepid.ctl.fleet import Device
from cinepid.ctl.output import Output
from cinepid.ctl.program import PROGRAM
from cinepid.ctl.text import count, safe, span

_FEW = 10  # devices that are worth a line each
_HOPELESS = frozenset({"invalid_argument", "not_supported", "too_large", "unknown_command"})
"""Codes of errors that the same words bring again."""


class Again(NamedTuple):
    """The words that say the same again, for some of the devices.

    Attributes:
        words: What stands before the devices' names.
        rest: What stands after them.
        exactly: Instead of `words` where it must be the very same command, such as one for an
            instant that was said as `+2s`; None if `words` say that already.
    """

    words: Sequence[str]
    rest: Sequence[str] = ()
    exactly: Sequence[str] | None = None

    def for_those(self, names: Sequence[str]) -> str:
        """A command line that tries it anew."""
        return shlex.join([PROGRAM, *self.words, *names, *self.rest])

    def never_twice(self, command_id: str, names: Sequence[str]) -> str:
        """A command line that devices which did it only answer."""
        words = self.words if self.exactly is None else self.exactly
        return shlex.join([PROGRAM, *words, "--id", command_id, *names, *self.rest])


def said(reply: Reply) -> str:
    """A good answer in the device's own words."""
    return reply.answer.message


def reason(reply: Reply) -> str:
    """Why it failed."""
    error = reply.answer.error
    return f"{error.message} ({error.code})" if error else "failed without a reason"


def silence(device: Device, command: Command) -> str:
    """Why nothing came, as far as anybody knows."""
    status = device.status
    if status is None or status.state == "online":
        return f"no answer in {span(command.timeout)}"
    return f"no answer: it is offline ({safe(status.reason).replace('_', ' ')})"


def exit_code(outcome: Outcome) -> int:
    """What a script should know."""
    if not outcome.replies:
        return NO_ANSWER
    if not outcome.done:
        return ALL_FAILED
    return PARTIAL if outcome.failed or outcome.silent else OK


def show_reply(output: Output, reply: Reply, text: str, width: int) -> None:
    """One line as an answer comes; `width` is that of the longest name."""
    mark, style = ("ok  ", "green") if reply.has_done_it else ("FAIL", "bold red")
    warnings = "".join(f"  ({warning})" for warning in reply.answer.warnings)
    before = "  (had done it before)" if reply.answer.replayed else ""
    output.styled(f"{mark} {reply.device:{width}}  {text}{before}{warnings}", style)


def sum_up(output: Output, outcome: Outcome, again: Again | None, width: int) -> None:
    """Who was silent, how many there are of each, and how to repeat it for them."""
    for device in outcome.silent:
        if device.is_online:
            text = f"?    {device.id:{width}}  {silence(device, outcome.command)}"
            output.styled(text, "yellow")
    away = [device for device in outcome.silent if not device.is_online]
    is_crowd = len(away) > _FEW
    if is_crowd:
        output.styled(f"?    {count(len(away), 'device')} offline, without answer", "yellow")
    for device in () if is_crowd else away:
        output.styled(f"?    {device.id:{width}}  {silence(device, outcome.command)}", "yellow")
    for name in sorted(outcome.twice):
        output.note(f"{name} answered twice, and not the same: do two devices have this name?")
    if len(outcome.expected) > 1 or outcome.silent:
        parts = [f"{len(outcome.done)} ok", f"{len(outcome.failed)} failed"]
        output.note(f"{', '.join(parts)}, {len(outcome.silent)} without answer")
    if again is None:
        return
    if names := [reply.device for reply in outcome.failed if not _is_hopeless(reply)]:
        output.note(f"again for those that failed: {again.for_those(names)}")
    names = [device.id for device in outcome.silent if device.is_online or not is_crowd]
    if names:
        line = again.never_twice(outcome.command.id, names)
        output.note(f"again for the silent, never twice: {line}")


def _is_hopeless(reply: Reply) -> bool:
    error = reply.answer.error
    return error is not None and error.code in _HOPELESS


def summary(outcome: Outcome, more: Mapping[str, object]) -> dict[str, object]:
    """The outcome as JSON has it, with what a verb adds."""
    return {
        "id": outcome.command.id,
        "command": outcome.command.name,
        "expected": [device.id for device in outcome.expected],
        "ok": [
            {
                "device": reply.device,
                "message": reply.answer.message,
                "data": reply.data(),
                "replayed": reply.answer.replayed,
                "warnings": list(reply.answer.warnings),
                "after_s": round(reply.after, 3),
            }
            for reply in outcome.done
        ],
        "failed": [
            {
                "device": reply.device,
                "code": reply.answer.error.code if reply.answer.error else "internal",
                "message": reply.answer.error.message if reply.answer.error else "",
            }
            for reply in outcome.failed
        ],
        "silent": [
            {"device": device.id, "state": device.status.state if device.status else "unknown"}
            for device in outcome.silent
        ],
        "answered_twice": sorted(outcome.twice),
        **more,
    }
