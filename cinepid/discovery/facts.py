"""All that the discovery document is made from."""

from dataclasses import dataclass

from cinepi.features import Feature
from cinepid.payloads import InfoDocument
from cinepid.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The device as it presents itself.

    Attributes:
        info: The device, as it says in `info`.
        camera_model: The sensor; empty while no camera has been seen.
        camera_features: The camera's settings within its own ranges.
        board_tells: Keys of those readings that not every board has and this one does.
    """

    info: InfoDocument
    camera_model: str = ""
    camera_features: tuple[Feature, ...] = ()
    board_tells: frozenset[str] = frozenset()

    @property
    def topics(self) -> Topics:
        """The device's topics."""
        return Topics(self.info.device)
