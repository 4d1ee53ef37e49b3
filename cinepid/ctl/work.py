"""What verbs have in common: connect, find the devices that are meant, ask, tell the result."""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from cinepi.errors import CinepiError
from cinepid.ctl import cache
from cinepid.ctl.ask import Command, Outcome, Reply, ask
from cinepid.ctl.context import VARIABLES, access
from cinepid.ctl.errors import SilenceError, UsageError
from cinepid.ctl.fleet import Device
from cinepid.ctl.link import Link, open_link
from cinepid.ctl.output import Output
from cinepid.ctl.program import TIMEOUT
from cinepid.ctl.survey import Survey
from cinepid.ctl.target import Targets, choose, targets
from cinepid.ctl.text import count, safe
from cinepid.ctl.verdict import Again, exit_code, reason, said, show_reply, silence, sum_up, summary

Telling = Callable[[Reply], str]
Following = Callable[[Outcome], Awaitable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Work:
    """A connection, what is known so far, and where to say things.

    Attributes:
        options: The command line.
        link: The connection.
        survey: The devices.
        output: What the operator sees.
    """

    options: argparse.Namespace
    link: Link
    survey: Survey
    output: Output

    async def find(self, wanted: Targets, channels: Sequence[str] = ("status",)) -> list[Device]:
        """The devices that are meant, with documents of these channels.

        Raises:
            NoDeviceError: There are none.
            BrokerError: The broker refuses, or is gone.
        """
        needed = list(channels)
        if wanted.needs_info:
            needed += [each for each in ("info", "session") if each not in needed]
        await self.survey.look(needed)
        known = self.survey.fleet.devices
        cache.remember(known, os.environ)
        return choose(wanted, known.values())

    async def find_one(self, name: str) -> Device:
        """The one device of this name.

        Raises:
            UsageError: It is a glob that fits several.
            NoDeviceError: There is none.
            BrokerError: The broker refuses, or is gone.
        """
        found = await self.find(targets([name], [], [], is_all=False))
        if len(found) > 1:
            raise UsageError(f"{name} fits {len(found)} devices; this takes one")
        return found[0]

    async def ask(
        self,
        command: Command,
        devices: Sequence[Device],
        wanted: Targets | None = None,
        on_reply: Callable[[Reply], None] = lambda _: None,
    ) -> Outcome:
        """See `ask`."""
        return await ask(self.link, command, devices, wanted, on_reply)

    async def ask_one(self, command: Command, device: Device) -> Reply:
        """Ask a single device.

        Raises:
            SilenceError: It does not answer.
            CinepiError: What it answered.
        """
        outcome = await self.ask(command, [device])
        reply = outcome.replies.get(device.id)
        if reply is None:
            raise SilenceError(f"{device.id}: {silence(device, command)}")
        if not reply.has_done_it:
            raise CinepiError(f"{device.id}: {reason(reply)}")
        return reply

    def confirm(self, what: str, devices: Sequence[Device]) -> None:
        """Ask before something that cannot be undone, or is done to many.

        Raises:
            UsageError: The answer is no, or nobody is there to give one.
        """
        if self.options.yes:
            return
        names = ", ".join(device.id for device in devices[:8])
        more = f" and {len(devices) - 8} more" if len(devices) > 8 else ""  # noqa: PLR2004
        question = f"{what}: {count(len(devices), 'device')} ({names}{more})"
        if not sys.stdin.isatty():
            raise UsageError(f"{question}; say --yes, as there is nobody to ask")
        sys.stderr.write(f"{safe(question)}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("nothing was done")


@asynccontextmanager
async def working(options: argparse.Namespace) -> AsyncIterator[Work]:
    """Connect, and leave in the end.

    Raises:
        UsageError: What says how to connect is wrong.
        BrokerError: No broker lets us in.
    """
    colour = {"always": True, "never": False}.get(options.colour)
    output = Output(is_json=options.json, colour=colour)
    async with open_link(access(options)) as link:
        yield Work(options, link, Survey(link), output)


def add_targets(parser: argparse.ArgumentParser, *, settings: str = "") -> None:
    """Options that say whom a command is for; `settings` may stand among the names."""
    metavar, about = ("WHAT", f"name or glob, or {settings}") if settings else ("DEVICE", "")
    parser.add_argument("devices", nargs="*", metavar=metavar, help=about or "name or glob")
    chosen = parser.add_argument_group("which devices")
    chosen.add_argument(
        "-g", "--group", action="append", default=[], metavar="GROUP", help="those in a group"
    )
    chosen.add_argument("-a", "--all", action="store_true", help="all of them")
    chosen.add_argument(
        "-m",
        "--match",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="those of this version, tag, state, session, area or model; VALUE may be a glob",
    )


def add_command_options(parser: argparse.ArgumentParser) -> None:
    """Options of every verb that makes devices do something."""
    parser.add_argument(
        "--id",
        metavar="ID",
        help="of an earlier try: devices that did it then only answer again",
    )


def command_of(
    options: argparse.Namespace, name: str, arguments: Mapping[str, object] | None = None
) -> Command:
    """The command that a command line asks for."""
    made = Command(name, arguments or {}, options.timeout)
    return replace(made, id=options.id) if options.id else made


def words(options: argparse.Namespace, *verb: str) -> list[str]:
    """A command line like this one: broker and manner as they were said, and the verb."""
    found = []
    for key in (*VARIABLES, "context"):
        if value := getattr(options, key):
            found += [f"--{key.replace('_', '-')}", value]
    found += [f"--{key}" for key in ("tls", "insecure", "yes") if getattr(options, key)]
    if options.timeout != TIMEOUT:
        found += ["--timeout", f"{options.timeout:g}"]
    return [*found, *verb]


def targets_of(options: argparse.Namespace, *, everyone_if_none: bool = False) -> Targets:
    """Whom a command line means.

    Raises:
        UsageError: It names nobody, or contradicts itself.
    """
    wanted = targets(options.devices, options.group, options.match, is_all=options.all)
    if not wanted.is_given:
        if not everyone_if_none:
            raise UsageError("name a device, a glob, --group, --match or --all")
        wanted = wanted._replace(is_all=True)
    return wanted


async def command_verb(
    work: Work,
    command: Command,
    devices: Sequence[Device],
    *,
    wanted: Targets | None = None,
    telling: Telling | None = None,
    again: Again | None = None,
    then: Following | None = None,
) -> int:
    """Send a command, show answers as they come, sum up; returns the exit code.

    Args:
        work: The connection.
        command: What to ask for.
        devices: Whom.
        wanted: How they were named.
        telling: Puts a good answer into words; by default the device's own.
        again: The words that say the same again, for those that failed.
        then: What is done with the outcome before it is summed up; what it returns goes into JSON.

    Raises:
        BrokerError: The connection was lost.
    """
    output = work.output
    width = max((len(device.id) for device in devices), default=0)

    def show(reply: Reply) -> None:
        if not output.is_json:
            text = (telling or said)(reply) if reply.has_done_it else reason(reply)
            show_reply(output, reply, text, width)

    outcome = await work.ask(command, devices, wanted, show)
    more = {} if then is None else await then(outcome)
    if output.is_json:
        output.json(summary(outcome, more))
    else:
        sum_up(output, outcome, again, width)
    return exit_code(outcome)
