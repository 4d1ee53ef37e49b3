"""What the daemon remembers of its announcements, over restarts: what it said, and to whom."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from cinepi.features import Feature
from cinepi.logs.setup import logger
from cinepi.model.documents import CameraDocument
from cinepid import durable
from cinepid.discovery import source
from cinepid.discovery.component import Component, Document, Gone
from cinepid.discovery.facts import Facts
from cinepid.health import HealthDocument
from cinepid.payloads import InfoDocument

_log = logger("discovery")


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What has been announced, and what is known of the hardware while it is away.

    Attributes:
        serial: Of the board that announced; empty where it has none.
        topic: Where the present announcement lies; empty before the first.
        former: Where earlier ones lie that must be cleared.
        components: Platform of each component announced, by key.
        gone: The same for those that are there no more and that Home Assistant is to remove.
        gone_is_seen: Whether Home Assistant was there to see `gone`.
        camera_model: The camera last seen.
        camera_features: Its settings: a camera that is away for a while keeps its entities.
        board_tells: Keys of readings that not every board has and this one has given.
    """

    serial: str = ""
    topic: str = ""
    former: tuple[str, ...] = ()
    components: dict[str, str] = {}
    gone: dict[str, str] = {}
    gone_is_seen: bool = False
    camera_model: str = ""
    camera_features: tuple[Feature, ...] = ()
    board_tells: tuple[str, ...] = ()

    def facts(self, info: InfoDocument) -> Facts:
        """All that the document is made from."""
        return Facts(
            info=info,
            camera_model=self.camera_model,
            camera_features=self.camera_features,
            board_tells=frozenset(self.board_tells),
        )

    def with_camera(self, camera: CameraDocument) -> "Memory":
        """Learn which camera there is; one that has never answered teaches nothing."""
        if not camera.features:
            return self
        return msgspec.structs.replace(
            self, camera_model=camera.model, camera_features=camera.features
        )

    def with_health(self, health: HealthDocument) -> "Memory":
        """Learn which readings this board has."""
        told = {
            reading.key
            for reading in source.readings()
            if reading.document == "health"
            and reading.feature.depends_on_board
            and source.value_at(health, reading.path) is not None
        }
        return msgspec.structs.replace(self, board_tells=tuple(sorted(told | {*self.board_tells})))

    def at(self, topic: str, serial: str = "") -> "Memory":
        """Announce at `topic` from now on, from the board with this serial; empty for nowhere.

        On a card that was copied to another board, what was announced before is not ours to clear.
        """
        is_copy = serial not in ("", self.serial) and self.serial != ""
        ours = () if is_copy else (*self.former, self.topic)
        moved = msgspec.structs.replace(
            self,
            serial=serial or self.serial,
            topic=topic,
            former=tuple(sorted({*ours} - {topic, ""})),
        )
        if topic == self.topic:
            return moved
        return msgspec.structs.replace(moved, components={}, gone={})

    def without(self, cleared: Collection[str]) -> "Memory":
        """Nothing lies at these earlier topics any more."""
        left = tuple(topic for topic in self.former if topic not in cleared)
        return msgspec.structs.replace(self, former=left)

    def seen(self) -> "Memory":
        """Home Assistant was there and has heard what is gone."""
        return msgspec.structs.replace(self, gone_is_seen=True)

    def without_seen(self) -> "Memory":
        """Stop saying what is gone once Home Assistant has heard it."""
        return msgspec.structs.replace(self, gone={}) if self.gone_is_seen else self

    def announcing(self, document: Document) -> tuple["Memory", Document]:
        """Remember what `document` announces, and add to it what is gone since the last one."""
        present = {
            key: component.platform
            for key, component in document.components.items()
            if isinstance(component, Component)
        }
        newly = {key: self.components[key] for key in self.components.keys() - present.keys()}
        gone = {
            key: platform
            for key, platform in sorted((self.gone | newly).items())
            if key not in present
        }
        memory = msgspec.structs.replace(
            self,
            components=present,
            gone=gone,
            gone_is_seen=self.gone_is_seen and not newly,
        )
        markers = {key: Gone(platform) for key, platform in gone.items()}
        return memory, msgspec.structs.replace(
            document, components={**document.components, **markers}
        )


def load(path: Path) -> Memory:
    """Read what was remembered; nothing, if there is nothing or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError) as error:  # msgspec's errors, and wrong UTF-8 inside
        _log.warning("earlier announcements are forgotten", path=str(path), reason=str(error))
        return Memory()


def save(path: Path, memory: Memory) -> None:
    """Keep it, in one step; what cannot be kept is logged, since announcing goes on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.replace(path, msgspec.json.encode(memory))
    except OSError as error:
        _log.warning("announcements are not remembered", path=str(path), reason=str(error))
