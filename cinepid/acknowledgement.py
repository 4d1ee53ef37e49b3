"""In which order messages are acknowledged to the broker. Pure."""

OVERTAKING = 10
"""So many messages may wait behind a slow one; then those that are done are acknowledged first."""


class Acknowledgements:
    """What the broker is owed, in the order in which it sent.

    MQTT asks for acknowledgements in the order of the messages, and some brokers hang up on others.
    But a broker sends no more than its window (mosquitto: 20) before it has some, so one command
    that takes minutes would keep back all others, `session/stop` too. Hence `OVERTAKING`.
    """

    def __init__(self) -> None:
        """Owe nothing."""
        self._owed: dict[int, bool] = {}  # whether it is done, by packet id

    def receive(self, mid: int) -> None:
        """A message has come."""
        self._owed[mid] = False

    def finish(self, mid: int) -> list[int]:
        """It is done; returns the packet ids to acknowledge now, in this order."""
        if mid not in self._owed:
            return []
        self._owed[mid] = True
        may_overtake = len(self._owed) > OVERTAKING
        due = []
        for owed, is_done in self._owed.items():
            if is_done:
                due.append(owed)
            elif not may_overtake:
                break
        for each in due:
            del self._owed[each]
        return due
