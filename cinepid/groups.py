"""Whose commands a device also follows: as configured, or as changed over MQTT since."""

from collections.abc import Callable, Iterable

from cinepid.memory import Memory

MOST = 32
"""So many groups one device may be in."""


class Groups:
    """The groups of this device.

    What was said over MQTT holds over restarts, until somebody edits the configuration: the newest
    word wins.

    Attributes:
        on_change: Called after a change.
    """

    def __init__(self, configured: tuple[str, ...], memory: Memory) -> None:
        """Begin with what holds."""
        self.on_change: list[Callable[[], None]] = []
        self._configured = configured
        self._memory = memory
        said = memory.content.groups
        is_newer = said is not None and memory.content.groups_configured == configured
        self._names = said if said is not None and is_newer else configured

    @property
    def names(self) -> tuple[str, ...]:
        """In alphabetical order where they were changed, else as configured."""
        return self._names

    def after(self, add: Iterable[str], remove: Iterable[str]) -> tuple[str, ...]:
        """What the groups would be after a change."""
        return tuple(sorted({*self._names, *add} - {*remove}))

    def set(self, names: tuple[str, ...] | None) -> None:
        """Change them for good; None returns to the configuration. Blocks for one small write."""
        self._memory.remember_groups(names, self._configured)
        self._names = self._configured if names is None else names
        for listener in self.on_change:
            listener()
