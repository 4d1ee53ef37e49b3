"""Who this device is, as it stays for one run of the daemon."""

from dataclasses import dataclass

from cinepi import __version__
from cinepi.clock import Clock, new_run_id, rfc3339
from cinepid.config import DaemonConfig
from cinepid.groups import Groups
from cinepid.memory import Memory
from cinepid.topics import Topics


@dataclass(frozen=True, slots=True)
class Device:
    """The device and this run.

    Attributes:
        id: In topics.
        name: For people.
        area: Where it stands.
        groups: Whose commands it also follows.
        tags: For the `match` of a broadcast.
        boot: Random id of this run.
        since: When this run began, RFC 3339.
        version: Of the software.
    """

    id: str
    name: str
    area: str
    groups: Groups
    tags: tuple[str, ...]
    boot: str
    since: str
    version: str

    @classmethod
    def of(cls, config: DaemonConfig, memory: Memory, clock: Clock) -> "Device":
        """Begin a run under the name that the configuration gives."""
        return cls(
            id=config.device_id,
            name=config.device.name or config.device_id,
            area=config.device.area,
            groups=Groups(config.device.groups, memory),
            tags=config.device.tags,
            boot=new_run_id(),
            since=rfc3339(clock.wall()),
            version=__version__,
        )

    @property
    def topics(self) -> Topics:
        """Its topics."""
        return Topics(self.id)

    @property
    def client_id(self) -> str:
        """Its name among the broker's clients; stable, so that sessions and wills are found."""
        return f"cinepid-{self.id}"
