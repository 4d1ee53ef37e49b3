"""config: read, change, compare and bring back configurations."""

import argparse
import difflib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from cinepi import strictyaml
from cinepi.errors import CinepiError
from cinepid.ctl import values
from cinepid.ctl.ask import Command, Reply
from cinepid.ctl.errors import OK, UsageError
from cinepid.ctl.program import Parser, Verb, add_actions
from cinepid.ctl.text import safe_block, size
from cinepid.ctl.verdict import Again
from cinepid.ctl.work import (
    Work,
    add_command_options,
    add_targets,
    command_of,
    command_verb,
    targets_of,
    words,
    working,
)

_DIFFERENT = 1
_ACTIONS = {
    "get": "print the configuration of one device, or some of its values",
    "set": "change values: SECTION.KEY=VALUE beside the devices; null returns to the default",
    "edit": "change the configuration of one device in an editor",
    "diff": "compare a device with another one, or with a file",
    "backup": "copy the configuration on the devices",
    "backups": "list the copies",
    "restore": "return to a copy",
}


def _options(parser: Parser) -> None:
    actions = add_actions(parser, _ACTIONS)
    actions["get"].add_argument("device", metavar="DEVICE")
    actions["get"].add_argument("keys", metavar="SECTION.KEY", nargs="*")
    add_targets(actions["set"], settings="SECTION.KEY=VALUE")
    actions["set"].add_argument("--dry-run", action="store_true", help="only say what would change")
    add_command_options(actions["set"])
    actions["edit"].add_argument("device", metavar="DEVICE")
    actions["diff"].add_argument("device", metavar="DEVICE")
    actions["diff"].add_argument("other", metavar="DEVICE|FILE")
    for name in ("backup", "backups"):
        add_targets(actions[name])
        add_command_options(actions[name])
    actions["restore"].add_argument("file", metavar="BACKUP", help="as `backups` lists it")
    add_targets(actions["restore"])
    add_command_options(actions["restore"])


async def _run(options: argparse.Namespace) -> int:
    async with working(options) as work:
        match options.action:
            case "get":
                return await _get(work, options)
            case "edit":
                return await _edit(work, options)
            case "diff":
                return await _diff(work, options)
        return await _change(work, options)


async def _get(work: Work, options: argparse.Namespace) -> int:
    document = await _configuration(work, options, options.device)
    if options.keys:
        chosen = {key: _part(document["effective"], key) for key in options.keys}
        if options.json:
            work.output.json(chosen)
        else:
            for value in chosen.values():
                shown = _yaml(value).rstrip() if isinstance(value, dict) else values.shown(value)
                for line in safe_block(shown).splitlines():
                    work.output.line(line)
    elif options.json:
        work.output.json(document)
    else:
        for line in safe_block(_yaml(document["effective"])).splitlines():
            work.output.line(line)
        work.output.note(f"revision {document['revision']}")
    return OK


def _part(tree: object, key: str) -> object:
    """A value of the configuration, or a whole section."""
    path = key.replace("/", ".").strip(".")
    part = tree
    for step in path.split("."):
        if not isinstance(part, dict) or step not in part:
            known = [*values.flat(tree), *(tree if isinstance(tree, dict) else ())]
            close = difflib.get_close_matches(path, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"there is no {path}{hint}")
        part = part[step]
    return part


async def _edit(work: Work, options: argparse.Namespace) -> int:
    device = await work.find_one(options.device)
    document = await _configuration(work, options, device.id)
    before = _yaml(document["effective"])
    heading = f"# {device.id}, revision {document['revision']}; leave it as it is to give up\n"
    after = _in_editor(heading + before)
    new = strictyaml.load(after, source="your text").value
    if new == document["effective"]:
        work.output.note("nothing was changed")
        return OK
    if not isinstance(new, dict):
        raise UsageError("a configuration has sections, such as camera:")
    arguments = {"config": new, "base_revision": document["revision"]}
    try:
        command = Command("config/replace", arguments, options.timeout)
        reply = await work.ask_one(command, device)
    except CinepiError as error:
        kept = Path(tempfile.gettempdir()) / f"cinepictl-{device.id}.yaml"
        kept.write_text(after)
        raise CinepiError(f"{error}; your text is kept in {kept}") from error
    work.output.line(reply.answer.message)
    return OK


async def _diff(work: Work, options: argparse.Namespace) -> int:
    first: object = (await _configuration(work, options, options.device))["effective"]
    second: object
    if (text := _read(Path(options.other))) is not None:
        second = strictyaml.load(text, source=options.other).value
    else:
        second = (await _configuration(work, options, options.other))["effective"]
    if options.json:
        one, other = values.flat(first), values.flat(second)
        keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        work.output.json({key: [one.get(key), other.get(key)] for key in keys})
        return _DIFFERENT if keys else OK
    old, new = _yaml(first).splitlines(), _yaml(second).splitlines()
    changes = list(difflib.unified_diff(old, new, options.device, options.other, lineterm=""))
    for line in changes:
        style = {"+": "green", "-": "bold red"}.get(line[:1], "")
        work.output.styled(line, style)
    return _DIFFERENT if changes else OK


async def _change(work: Work, options: argparse.Namespace) -> int:
    arguments: dict[str, object] = {}
    extra: list[str] = []
    if options.action == "set":
        options.devices, given = values.split(options.devices)
        if not given:
            raise UsageError("say what to set, such as camera.iso=200")
        arguments = {"patch": values.nested(given), "dry_run": options.dry_run}
        extra = [f"{key}={values.shown(value)}" for key, value in given.items()]
        extra += ["--dry-run"] if options.dry_run else []
    elif options.action == "restore":
        arguments, extra = {"file": options.file}, [options.file]
    devices = await work.find(targets_of(options))
    is_dangerous = options.action == "restore" or (options.action == "set" and not options.dry_run)
    if is_dangerous and len(devices) > 1:
        work.confirm(f"change the configuration ({options.action})", devices)
    verb = {"set": "patch"}.get(options.action, options.action)
    command = command_of(options, f"config/{verb}", arguments)
    is_question = options.action == "backups"
    again = None if is_question else Again(words(options, "config", options.action, *extra))
    tell = _tell_backups if is_question else None
    return await command_verb(work, command, devices, telling=tell, again=again)


def _tell_backups(reply: Reply) -> str:
    found: Sequence[dict[str, Any]] = (reply.data() or {}).get("backups", [])
    broken = {True: "", False: " (cannot be restored)", None: ""}
    shown = (
        f"{each.get('filename')} {size(each.get('size'))}{broken[each.get('is_valid')]}"
        for each in found
    )
    return ", ".join(shown) or "none"


async def _configuration(work: Work, options: argparse.Namespace, name: str) -> dict[str, Any]:
    device = await work.find_one(name)
    reply = await work.ask_one(Command("config/get", timeout=options.timeout), device)
    document = reply.data()
    if not isinstance(document, dict) or not isinstance(document.get("effective"), dict):
        raise CinepiError(f"{name} answers with no configuration")
    return document


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def _yaml(tree: object) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def _in_editor(text: str) -> str:
    """Let the user change a text.

    Raises:
        UsageError: There is no editor, or it failed.
    """
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named is None and not sys.stdin.isatty():
        raise UsageError("an editor needs a terminal; name one that does not in EDITOR")
    editor = named or "vi"
    with tempfile.NamedTemporaryFile("w+", suffix=".yaml", prefix="cinepictl-") as file:
        file.write(text)
        file.flush()
        try:
            subprocess.run([*shlex.split(editor), file.name], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise UsageError(f"the editor {editor!r} failed: {error}") from error
        return Path(file.name).read_text()


VERB = Verb(
    help="read, change, compare and restore configurations",
    run=_run,
    add_options=_options,
    examples=(
        "config get garden camera.iso",
        "config set --group north capture.quality=90 --dry-run",
        "config edit garden",
        "config diff garden roof",
        "config restore cinepi_backup_20261123_093000.yaml garden",
    ),
)
