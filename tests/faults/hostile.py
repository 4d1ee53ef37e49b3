"""Messages that somebody might send to do harm: taken from the contract, and then broken."""

import json
import random
from collections.abc import Iterator

from tests.faults.stack import DEVICE

COMMANDS = (
    "session/start",
    "session/stop",
    "session/set",
    "camera/set",
    "camera/restart",
    "snapshot/take",
    "captures/list",
    "captures/get",
    "captures/delete",
    "config/patch",
    "config/replace",
    "config/restore",
    "events/replay",
    "logs/recent",
    "system/ping",
)
_OWNERS = (DEVICE, DEVICE, DEVICE, "_all", "_group/roof", "GARDEN", "garden2", "")
_TEXTS = (
    "",
    "\0",
    "../../etc/passwd",
    "cinepi_20260101_000000.jpg/..",
    "cinepi_99999999_999999.jpg",
    "%s%n",
    "'; DROP TABLE event; --",
    "\U0001d54f" * 50,
    "\u202e",
    "NaN",
    "1e999",
    "-1",
    "A" * 5000,
)
_NUMBERS = (0, -1, 1e308, -1e308, 2**53, 2**64, 10**30, 0.1, 59.999999999)


def messages(choice: random.Random, count: int) -> Iterator[tuple[str, bytes, bool]]:
    """Topics, payloads and retain flags; none of them may do anything."""
    for _ in range(count):
        yield _topic(choice), _payload(choice), choice.random() < 0.02


def _topic(choice: random.Random) -> str:
    command = choice.choice(COMMANDS)
    if choice.random() < 0.2:
        command = choice.choice(
            ("", "session", "session/start/x", "session//start", "a/b/c/d/e/f/g", "SESSION/START")
        )
    return f"cinepi/{choice.choice(_OWNERS)}/cmd/{command}"


def _payload(choice: random.Random) -> bytes:
    """Never a valid command: every object has a key that no command knows."""
    kind = choice.randrange(9)
    if kind == 0:
        return choice.randbytes(choice.randrange(1, 400))
    if kind == 1:
        return b"[" * choice.randrange(1, 16_000)
    if kind == 2:
        return b'{"a":' * choice.randrange(1, 3000)
    if kind == 3:
        return b'{"interval":1,"interval":2,"nonsense":1}'
    if kind == 4:
        return b'{"nonsense":' + b"9" * choice.randrange(1, 15_000) + b"}"
    if kind == 5:
        return choice.randbytes(1) * choice.randrange(17_000, 60_000)
    if kind == 6:
        return choice.choice(
            (b'{"nonsense":NaN}', b'{"nonsense":1e999}', b"\xff\xfe{}", b"- a: [*x]")
        )
    document = json.dumps({"nonsense": 1, **_object(choice, 3)}).encode()
    if kind == 7:
        cut = choice.randrange(1, len(document))
        return document[:cut]
    return document


def _object(choice: random.Random, depth: int) -> dict[str, object]:
    keys = ("id", "interval", "count", "patch", "filename", "iso", "ttl_s", "match", "after", "x")
    return {choice.choice(keys): _value(choice, depth) for _ in range(choice.randrange(5))}


def _value(choice: random.Random, depth: int) -> object:
    kind = choice.randrange(6 if depth else 3)
    if kind == 0:
        return choice.choice(_TEXTS)
    if kind == 1:
        return choice.choice(_NUMBERS)
    if kind == 2:
        return choice.choice((None, True, False))
    if kind == 3:
        return [_value(choice, depth - 1) for _ in range(choice.randrange(4))]
    return _object(choice, depth - 1)
