"""Decoders meet anything: the only errors that come out are ours, with a code and a sentence."""

import json
import os
from collections.abc import Callable
from contextlib import suppress

import pytest

from cinepi import strictjson, strictyaml
from cinepi.capture.naming import understood as understood_name
from cinepi.config.parse import parse_config
from cinepi.errors import CinepiError
from cinepi.formats import exif, registry
from cinepi.formats.contract import ENDS, Facts, Provenance
from cinepi.logs.parse import parse_line
from cinepi.model.exposures import Achieved
from cinepi.service.requests import load_methods, parse, understood
from cinepid import config, topics
from cinepid.commands._request import read
from cinepid.message import Incoming
from tests.faults.fuzzer import Fuzzer

RUNS = int(os.environ.get("FUZZ_RUNS", "3000"))


def _command(data: bytes) -> None:
    topic, _, payload = data.partition(b"\0")
    try:
        address = topics.parse(topic.decode(errors="replace"))
    except CinepiError:
        return
    found = read(Incoming(topic=topic.decode(errors="replace"), payload=payload), address)
    assert found.id


def _topic(data: bytes) -> None:
    text = data.decode(errors="replace")
    with suppress(CinepiError):
        assert topics.build(topics.parse(text)) == text
    topics.is_allowed_response(text)


def _json(data: bytes) -> None:
    with suppress(CinepiError):
        json.dumps(strictjson.loads(data, max_bytes=16_384))


def _yaml(data: bytes) -> None:
    with suppress(CinepiError):
        strictyaml.load(data.decode(errors="replace"), source="f")


def _camera_config(data: bytes) -> None:
    with suppress(CinepiError):
        parse_config(data.decode(errors="replace"), source="f")


def _daemon_config(data: bytes) -> None:
    with suppress(CinepiError):
        config.parse(data.decode(errors="replace"), source="f")


def _exif(data: bytes) -> None:
    exif.read(data)


def _files(data: bytes) -> None:
    for each in registry.formats().values():
        each.is_whole(data[:ENDS], data[-ENDS:])
        with suppress(CinepiError):
            each.read(data)


def _name(data: bytes) -> None:
    understood_name(data.decode(errors="replace"))


def _log(data: bytes) -> None:
    parse_line(data)


def _socket_line(data: bytes) -> None:
    with suppress(CinepiError):
        understood(parse(data))


def _picture() -> bytes:
    provenance = Provenance(achieved=Achieved(exposure_us=100, iso=100))
    return b"\xff\xd8" + exif.app1(Facts(1e9, "model", provenance), 640, 480)


TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "command": (
        _command,
        (
            b'cinepi/garden/cmd/session/start\0{"interval":5,"id":"a","name":"n"}',
            b'cinepi/_all/cmd/snapshot/take\0{"at":"2026-01-01T00:00:00Z","match":{"tag":"x"}}',
            b"cinepi/garden/cmd/session/set\0ON",
            b'cinepi/_group/roof/cmd/config/validate\0{"config":{"camera":{"iso":100}}}',
            b'cinepi/garden/cmd/captures/delete\0{"filenames":["a"],"ttl_s":1}',
        ),
    ),
    "topic": (_topic, (b"cinepi/garden/status", b"cinepi/_group/roof/cmd/a/b", b"a/b/c")),
    "json": (_json, (b'{"a":[1,2.5,"x",null,true]}', b'{"a":{"b":{"c":1e3}}}')),
    "yaml": (_yaml, (b"camera:\n  iso: 100\n", b"a: [1, {b: c}]\n# x\n", b"a: &x 1\nb: *x\n")),
    "camera config": (_camera_config, (b"camera:\n  iso: 100\ncapture: {interval: 5}\n",)),
    "daemon config": (_daemon_config, (b"broker:\n  host: a\n  servers: [a:1, b]\n",)),
    "exif": (_exif, (_picture(),)),
    "files": (_files, (_picture(),)),
    "name": (_name, (b"cinepi_20261123_093000.jpg", b"cinepi_20261123_093000_01.jpg")),
    "log": (_log, (b'{"timestamp":"t","level":"info","module":"m","message":"x","k":1}',)),
    "socket": (
        _socket_line,
        (
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}',
            b'{"jsonrpc":"2.0","id":2,"method":"session.start","params":{"interval":5,"count":3}}',
            b'{"jsonrpc":"2.0","method":"captures.list","params":{"limit":5,"since":"2026-01-01"}}',
            b'{"jsonrpc":"2.0","method":"config.patch","params":{"patch":{"camera":{"iso":1}}}}',
        ),
    ),
}


@pytest.mark.timeout(60 + RUNS // 50)
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_makes_a_decoder_fail(name: str) -> None:
    """Thousands of inputs, each made from one that had reached something new."""
    load_methods()
    target, seeds = TARGETS[name]
    fuzzer = Fuzzer(target, seeds, seed=11)
    began = len(fuzzer.reached)
    fuzzer.run(RUNS)
    print(f"{name}: {fuzzer.runs} inputs, {began} to {len(fuzzer.reached)} lines reached")
    assert began  # else nothing of ours is tried
