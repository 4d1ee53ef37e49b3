"""captures: list, fetch and delete pictures."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from cinepi.errors import CinepiError
from cinepid.ctl.ask import Command, Reply
from cinepid.ctl.errors import ALL_FAILED, OK, PARTIAL, UsageError
from cinepid.ctl.fleet import Device
from cinepid.ctl.output import Column, Row
from cinepid.ctl.program import Parser, Verb, add_actions, whole
from cinepid.ctl.text import count, size
from cinepid.ctl.transfer import fetch
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

_ACTIONS = {
    "ls": "list pictures, newest first",
    "get": "fetch pictures over MQTT into a folder",
    "rm": "delete pictures on the device",
}
_PAGE = 100
_COLUMNS = (
    Column("DEVICE"),
    Column("FILE"),
    Column("TAKEN"),
    Column("SIZE", is_number=True),
    Column("KIND"),
    Column("SESSION"),
)


def _options(parser: Parser) -> None:
    actions = add_actions(parser, _ACTIONS)
    add_targets(actions["ls"])
    actions["ls"].add_argument(
        "-n", "--newest", "--limit", type=whole, default=20, metavar="N", help="so many [20]"
    )
    for name in ("get", "rm"):
        actions[name].add_argument("device", metavar="DEVICE")
        actions[name].add_argument("files", metavar="FILE", nargs="*")
    get, remove = actions["get"], actions["rm"]
    get.add_argument("-n", "--newest", type=whole, metavar="N", help="the newest N that fit")
    get.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="FOLDER", help="where to [here]"
    )
    get.add_argument("--preview", action="store_true", help="small ones, up to 100 KB")
    get.add_argument("--again", action="store_true", help="also those that are there already")
    remove.add_argument("--dry-run", action="store_true", help="only say what would go")
    add_command_options(remove)
    for action in actions.values():
        action.add_argument("--session", metavar="ID", help="only of this session")
        action.add_argument("--kind", choices=("frame", "snapshot"), help="only of this kind")
        action.add_argument("--since", metavar="TIME", help="only from this time on")
        action.add_argument("--until", metavar="TIME", help="only before this time")


async def _run(options: argparse.Namespace) -> int:
    filters = {
        key: getattr(options, key)
        for key in ("session", "kind", "since", "until")
        if getattr(options, key)
    }
    async with working(options) as work:
        match options.action:
            case "ls":
                return await _list(work, options, filters)
            case "get":
                return await _get(work, options, filters)
        return await _remove(work, options, filters)


async def _list(work: Work, options: argparse.Namespace, filters: dict[str, object]) -> int:
    devices = await work.find(targets_of(options))
    rows, documents, code = [], [], OK
    asked = [_found(work, options, device, filters, options.newest) for device in devices]
    results = await asyncio.gather(*asked, return_exceptions=True)
    for device, found in zip(devices, results, strict=True):
        if isinstance(found, CinepiError):
            work.output.note(str(found))
            code = ALL_FAILED if len(devices) == 1 else PARTIAL
            continue
        if isinstance(found, BaseException):
            raise found
        for each in found:
            documents.append({"device": device.id, **each})
            cells = (
                device.id,
                str(each.get("filename")),
                str(each.get("taken_at")),
                size(each.get("size")),
                str(each.get("kind")),
                str(each.get("session") or "-"),
            )
            rows.append(Row(cells))
    if options.json:
        work.output.json(documents)
    else:
        work.output.table(_COLUMNS, rows)
    return code


async def _get(work: Work, options: argparse.Namespace, filters: dict[str, object]) -> int:
    device = await work.find_one(options.device)
    names = list(options.files)
    if not names:
        limit = options.newest or (1 if not filters else 1_000_000)
        listed = await _found(work, options, device, filters, limit)
        names = [str(each.get("filename")) for each in listed]
    if not names:
        raise CinepiError(f"{device.id} has no such picture")
    what = "preview" if options.preview else "full"
    fetched = failed = 0
    for name in names:
        if not options.again and (options.output / device.id / name).exists() and what == "full":
            continue
        path = await fetch(work, device.id, name, options.output, what=what)
        if path is None:
            failed += 1
            continue
        fetched += 1
        length = path.stat().st_size
        if options.json:
            found = {"device": device.id, "filename": name, "path": str(path), "size": length}
            work.output.json_line(found)
        else:
            work.output.line(f"{path}  {size(length)}")
    if len(names) > 1:
        here = len(names) - fetched - failed
        work.output.note(f"{count(fetched, 'picture')} fetched, {here} were here, {failed} failed")
    return OK if not failed else PARTIAL if fetched else ALL_FAILED


async def _remove(work: Work, options: argparse.Namespace, filters: dict[str, object]) -> int:
    device = await work.find_one(options.device)
    if bool(options.files) == bool(filters):
        raise UsageError("name files, or say which by --session, --kind, --since or --until")
    arguments = {**filters, "dry_run": options.dry_run}
    if options.files:
        arguments["filenames"] = options.files
    if not options.dry_run:
        question = Command("captures/delete", {**arguments, "dry_run": True}, options.timeout)
        trial = await work.ask_one(question, device)
        going = trial.data() or {}
        number, length = int(going.get("count", 0)), size(going.get("bytes"))
        work.confirm(f"delete {count(number, 'picture')} ({length}) for good", [device])
    command = command_of(options, "captures/delete", arguments)
    pairs = [word for key, value in filters.items() for word in (f"--{key}", str(value))]
    pairs += ["--dry-run"] if options.dry_run else []
    again = Again(words(options, "captures", "rm", *pairs), rest=options.files)
    return await command_verb(work, command, [device], telling=_tell_removed, again=again)


def _tell_removed(reply: Reply) -> str:
    return f"{reply.answer.message}, {size((reply.data() or {}).get('bytes'))}"


async def _found(
    work: Work,
    options: argparse.Namespace,
    device: Device,
    filters: dict[str, object],
    limit: int,
) -> list[dict[str, Any]]:
    """So many pictures that fit, page by page."""
    found: list[dict[str, Any]] = []
    before: object = None
    while len(found) < limit:
        arguments = {**filters, "limit": min(_PAGE, limit - len(found))}
        if before is not None:
            arguments["before"] = before
        question = Command("captures/list", arguments, options.timeout)
        reply = await work.ask_one(question, device)
        page = reply.data() or {}
        found += [each for each in page.get("captures", []) if isinstance(each, dict)]
        before = page.get("next")
        if before is None or not page.get("captures"):
            break
    return found


VERB = Verb(
    help="list, fetch and delete pictures",
    run=_run,
    add_options=_options,
    examples=(
        "captures ls garden",
        "captures get garden -o pictures",
        "captures get garden --session 20261123_093000_1f2e -o pictures",
        "captures rm garden --until 2026-11-01 --dry-run",
    ),
)
