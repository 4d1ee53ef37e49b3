"""The demo as one of the broker's clients: it hears everything, and asks like any user."""

import asyncio
import json
from collections.abc import Callable, Mapping

from cinepi.clock import new_run_id
from cinepi.errors import CinepiError, DeadlineError
from cinepi.units import Seconds
from cinepid.connection import Connection
from cinepid.demo.picture import Reply, reply
from cinepid.errors import BrokerError, ConnectionLostError
from cinepid.message import Filter, Hello, Incoming, Outgoing, Server
from cinepid.topics import Address, build, parse

ANSWER_LIMIT: Seconds = 15.0
_RETRY_PERIOD: Seconds = 0.2


class Link:
    """A connection to the demo's broker that is made again when it is lost."""

    def __init__(
        self, server: Server, device: str, on_message: Callable[[Address, bytes], None]
    ) -> None:
        """Connect to nothing yet; `on_message` hears all messages of the device."""
        self._server = server
        self._device = device
        self._on_message = on_message
        self._connection: Connection | None = None
        self._awaited: dict[str, asyncio.Future[Reply]] = {}

    async def keep(self) -> None:
        """Stay connected, for ever."""
        everything = [Filter(build(Address(device=self._device, channel="#")))]
        hello = Hello(client_id=f"cinepi-demo-{new_run_id()}", is_lasting=False)
        while True:
            try:
                connection = await Connection.open(self._server, hello, self._hear)
                await connection.subscribe(everything)
                self._connection = connection
                await connection.lost
            except BrokerError:  # it is starting, or starting again
                pass
            finally:
                self._connection = None
            await asyncio.sleep(_RETRY_PERIOD)

    async def ask(self, command: str, arguments: Mapping[str, object]) -> Reply:
        """Send a command such as `session/start`, and wait for its answer.

        Raises:
            CinepiError: There is no connection, no answer, or the answer is no.
        """
        if self._connection is None:
            raise ConnectionLostError("there is no connection to the broker")
        request_id = f"demo-{new_run_id()}"
        topic = build(Address(device=self._device, channel="cmd", path=tuple(command.split("/"))))
        self._awaited[request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                payload = json.dumps({"id": request_id, **arguments}).encode()
                await self._connection.publish(Outgoing(topic=topic, payload=payload))
                answer = await self._awaited[request_id]
        except TimeoutError as error:
            raise DeadlineError(f"{command} had no answer in {ANSWER_LIMIT:g} s") from error
        finally:
            del self._awaited[request_id]
        if answer.error is not None:
            raise CinepiError(str(answer.error.get("message")))
        return answer

    def close(self) -> None:
        """Say goodbye to the broker."""
        if self._connection:
            self._connection.close()

    def _hear(self, message: Incoming) -> None:
        message.acknowledge()
        address = parse(message.topic)
        if address.channel == "response" and (answer := reply(message.payload)):
            awaited = self._awaited.get(answer.id)
            if awaited and answer.final and not awaited.done():
                awaited.set_result(answer)
        self._on_message(address, message.payload)
