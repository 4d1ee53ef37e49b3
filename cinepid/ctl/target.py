"""Which devices a command is for: one rule for every verb. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NamedTuple

from cinepid.ctl.errors import NoDeviceError, UsageError
from cinepid.ctl.fleet import Device
from cinepid.ctl.text import safe

_KEYS = ("version", "tag", "state", "session", "area", "model")


class Targets(NamedTuple):
    """What the command line says about whom it means; all of it narrows.

    Attributes:
        names: Names and globs, any of which may fit; empty means all that the rest leaves.
        groups: Groups, one of which it must be in.
        is_all: Whether everyone was asked for in so many words.
        matches: Pairs such as `version`, `1.2`; all must fit, the value may be a glob.
    """

    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    is_all: bool = False
    matches: tuple[tuple[str, str], ...] = ()

    @property
    def is_given(self) -> bool:
        """Whether anybody was named at all."""
        return bool(self.names or self.groups or self.is_all or self.matches)

    @property
    def needs_info(self) -> bool:
        """Whether `info` of each device must be known to choose."""
        return bool(self.groups) or any(key != "version" for key, _ in self.matches)


def targets(
    names: Iterable[str], groups: Iterable[str], matches: Iterable[str], *, is_all: bool
) -> Targets:
    """Read the words of a command line.

    Raises:
        UsageError: They contradict each other or make no sense.
    """
    chosen = tuple(names)
    if is_all and chosen:
        raise UsageError("give names or --all, not both")
    pairs = []
    for match in matches:
        key, equals, value = match.partition("=")
        if not equals or not value or key not in _KEYS:
            close = get_close_matches(key, _KEYS, n=1)
            hint = f"did you mean {close[0]}=…?" if close else f"keys are {', '.join(_KEYS)}"
            raise UsageError(f"--match wants KEY=VALUE, not {match!r}; {hint}")
        pairs.append((key, value))
    return Targets(chosen, tuple(groups), is_all, tuple(pairs))


def choose(wanted: Targets, devices: Iterable[Device]) -> list[Device]:
    """The devices that are meant, by name.

    Raises:
        NoDeviceError: Nobody fits, or a name without wildcard is nobody's.
    """
    known = sorted(devices, key=lambda device: device.id)
    chosen = [device for device in known if _fits(wanted, device)]
    unknown = [
        name for name in wanted.names if not any(fnmatchcase(device.id, name) for device in known)
    ]
    if unknown:
        raise NoDeviceError(_nobody(unknown[0], [device.id for device in known]))
    if not chosen:
        raise NoDeviceError("no device fits" if known else "there is no device on this broker")
    return chosen


def _nobody(name: str, known: list[str]) -> str:
    if not known:
        return f"there is no device {safe(name)}, nor any other on this broker"
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "cinepictl ls lists them all"
    return f"there is no device {safe(name)}; {hint}"


def _fits(wanted: Targets, device: Device) -> bool:
    return (
        (not wanted.names or any(fnmatchcase(device.id, name) for name in wanted.names))
        and (not wanted.groups or any(group in device.info.groups for group in wanted.groups))
        and all(_matches(device, key, value) for key, value in wanted.matches)
    )


def _matches(device: Device, key: str, value: str) -> bool:
    info, session = device.info, device.session
    values: dict[str, tuple[str, ...]] = {
        "version": (device.version,),
        "tag": info.tags,
        "state": ("online" if device.is_online else "offline",),
        "session": (session.state if session else "unknown",),
        "area": (info.area,),
        "model": (info.model,),
    }
    return any(fnmatchcase(each.lower(), value.lower()) for each in values[key])
