"""Every MQTT topic of the product, built and parsed here and nowhere else.

A topic is `cinepi/<owner>/<channel>[/<path>]`. The owner is a device, `_all` devices, or a group
as `_group/<name>`; neither `_all` nor `_group` can be a device's name.
"""

import re
import socket
from dataclasses import dataclass
from pathlib import Path

from cinepi.errors import InvalidArgumentError

PREFIX = "cinepi"
NAME_PATTERN = "^[a-z0-9-]{1,32}$"
"""What a device or a group may be called: safe in every topic and every entity id."""

_EVERYONE = "_all"
_GROUP = "_group"
_COMMAND = "cmd"
_NAME = re.compile(NAME_PATTERN.strip("^$"))
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_FACTORY_NAMES = frozenset({"raspberrypi", "localhost", "cinepi", "pi"})
_SERIAL = Path("/sys/firmware/devicetree/base/serial-number")
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What a topic says.

    Attributes:
        device: The one device meant; None for a group or for all.
        group: The group meant; None for a device or for all.
        channel: What sort of message: `status`, `cmd`, `event`, …
        path: What follows the channel, such as `("session", "start")`.
    """

    device: str | None = None
    group: str | None = None
    channel: str
    path: tuple[str, ...] = ()

    @property
    def is_broadcast(self) -> bool:
        """Whether several devices hear it."""
        return self.device is None


def build(address: Address) -> str:
    """Spell a topic."""
    owner = address.device or (f"{_GROUP}/{address.group}" if address.group else _EVERYONE)
    return "/".join((PREFIX, owner, address.channel, *address.path))


def parse(topic: str) -> Address:
    """Read a topic that `build` could have spelled.

    Raises:
        InvalidArgumentError: It is none of ours.
    """
    prefix, _, rest = topic.partition("/")
    owner, _, rest = rest.partition("/")
    group = None
    if owner == _GROUP:
        group, _, rest = rest.partition("/")
    levels = rest.split("/")
    name = owner if group is None else group
    is_named = owner == _EVERYONE or _NAME.fullmatch(name) is not None
    if prefix != PREFIX or not is_named or not levels[0]:
        raise InvalidArgumentError(f"{topic[:100]!r} is no topic of CinePi")
    device = None if owner in (_EVERYONE, _GROUP) else owner
    return Address(device=device, group=group, channel=levels[0], path=tuple(levels[1:]))


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device.

    Attributes:
        device: Its id, which fits `NAME_PATTERN`.
    """

    device: str

    @property
    def status(self) -> str:
        """Whether the device is there; retained, and the will."""
        return self._own("status")

    @property
    def image(self) -> str:
        """The preview of the last capture, a JPEG."""
        return self._own("image")

    def document(self, *name: str) -> str:
        """A retained document, such as `session` or `config`, `schema`."""
        return self._own(*name)

    def event(self, event_type: str) -> str:
        """Events of one type."""
        return self._own("event", event_type)

    def log(self, level: str) -> str:
        """Log messages of one level."""
        return self._own("log", level)

    def command(self, name: str) -> str:
        """Where a command such as `session/start` is sent."""
        return self._own(_COMMAND, *name.split("/"))

    def response(self, command: str, *part: str) -> str:
        """Where answers to a command go; a name that is none of ours goes to `unknown`."""
        words = command.split("/")
        is_safe = len(words) <= 2 and all(_WORD.fullmatch(word) for word in words)  # noqa: PLR2004
        return self._own("response", *(words if is_safe else (_UNKNOWN,)), *part)

    @property
    def commands(self) -> str:
        """Filter for the commands to this device alone."""
        return self._own(_COMMAND, "#")

    @property
    def events(self) -> str:
        """Filter for events of every type."""
        return self.event("+")

    @property
    def responses(self) -> str:
        """Filter for the answers to all commands; a picture's bytes do not match it."""
        return self._own("response", "+", "+")

    def is_own_command(self, topic: str) -> bool:
        """Whether a topic lies below this device's own `cmd`."""
        return topic.startswith(self._own(_COMMAND, ""))

    def _own(self, channel: str, *path: str) -> str:
        return build(Address(device=self.device, channel=channel, path=path))


def discovery(prefix: str, device: str) -> str:
    """Where Home Assistant, with this discovery prefix, looks for the device's announcement."""
    return f"{prefix}/device/{device}/config"


BROADCAST_COMMANDS = build(Address(channel=_COMMAND, path=("#",)))
"""Filter for the commands to all devices."""
GROUP_COMMANDS = build(Address(group="+", channel=_COMMAND, path=("#",)))
"""Filter for the commands to any group."""


def of_every_device(channel: str, *path: str) -> str:
    """Filter for one channel of every device; `path` may have wildcards."""
    return "/".join((PREFIX, "+", channel, *path))


def below(device: str) -> str:
    """Filter for everything that one device says, is asked and answers."""
    return f"{PREFIX}/{device}/#"


def is_command(address: Address) -> bool:
    """Whether a message on this topic asks for something."""
    return address.channel == _COMMAND


def is_allowed_response(topic: str, *, longest: int = 256, deepest: int = 16) -> bool:
    """Whether a stranger may have an answer sent to `topic`.

    Not to a filter, not to anything that could be taken for a command or for what a device says
    about itself, and not to topics that belong to brokers or that brokers hang up on: mosquitto
    does from 201 levels on.
    """
    levels = topic.split("/")
    if not topic or len(topic) > longest or len(levels) > deepest:
        return False
    if any(c in topic for c in "+#\0") or topic[0] == "$":
        return False
    if levels[0] == PREFIX:
        return "response" in levels[2:3] and _COMMAND not in levels
    return not {_COMMAND, "set", "config"} & set(levels)


def default_device() -> str:
    """The host name as a device id; a name that every new Pi has gets the end of its serial."""
    name = re.sub("[^a-z0-9-]+", "-", socket.gethostname().split(".")[0].lower()).strip("-")[:32]
    if name and name not in _FACTORY_NAMES:
        return name
    serial = _SERIAL.read_text().strip("\0\n") if _SERIAL.exists() else ""
    return "-".join(part for part in (name or PREFIX, serial[-6:].lower()) if part)
