"""Where answers go, and what becomes of them when the connection breaks."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from cinepid.commands._answer import PATIENCE, Sender, first_answer
from cinepid.errors import ConnectionLostError
from cinepid.message import Outgoing
from cinepid.payloads import ReplyTo
from cinepid.topics import Topics
from cinepid.uplink import Uplink

_ANSWER = first_answer("one", "system/ping")
_REPLY_TO = ReplyTo(command="system/ping", topic="test/answers")


class _Link:
    """A way to a broker, which takes everything or breaks with all that is on its way."""

    def __init__(self) -> None:
        self.connection = SimpleNamespace()
        self.topics: list[str] = []
        self._sent: list[asyncio.Future[None]] = []

    def publish(self, message: Outgoing) -> asyncio.Future[None]:
        self.topics.append(message.topic)
        self._sent.append(asyncio.get_running_loop().create_future())
        return self._sent[-1]

    def settle(self, *, is_broken: bool) -> None:
        for each in self._sent:
            if is_broken:
                each.set_exception(ConnectionLostError("broken"))
                each.exception()
            else:
                each.set_result(None)
        self._sent.clear()
        if is_broken:
            self.connection = SimpleNamespace()


@pytest.mark.parametrize(("breaks", "is_left_out"), [(1, False), (PATIENCE, True)])
def test_a_topic_is_blamed_for_connections_and_not_for_answers(
    breaks: int,
    is_left_out: bool,  # noqa: FBT001
) -> None:
    """Whoever waits for several answers when a connection breaks once gets them all."""

    async def story() -> None:
        link = _Link()
        sender = Sender(Topics("garden"), cast("Uplink", link))
        for is_broken in [True] * breaks + [False]:
            link.topics.clear()
            sending = [asyncio.create_task(sender.send(_ANSWER, _REPLY_TO)) for _ in range(3)]
            await asyncio.sleep(0)
            link.settle(is_broken=is_broken)
            assert await asyncio.gather(*sending) == [not is_broken] * 3
        assert link.topics.count("test/answers") == (0 if is_left_out else 3)

    asyncio.run(story())
