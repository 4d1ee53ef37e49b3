"""`python3 -m cinepi.config`: read, check and change the configuration, and its copies."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cinepi import cli
from cinepi.entry import FAILED
from cinepi.errors import CinepiError, InvalidArgumentError
from cinepi.units import Bytes, Seconds

_LIMIT: Seconds = 9.0
"""For a whole command: callers are promised an answer within 10 s."""
_MAX_PATCH: Bytes = 64 * 1024


def _get(args: argparse.Namespace) -> int:
    found: Any = cli.ask(args, "config.get", limit=_LIMIT)["effective"]
    for place, key in enumerate(keys := _keys(args.path)):
        if not isinstance(found, dict) or key not in found:
            raise InvalidArgumentError(_unknown(keys[: place + 1], found))
        found = found[key]
    cli.show(args, found, _listed(found, keys))
    return 0


def _set(args: argparse.Namespace) -> int:
    patch: dict[str, Any] = {}
    for word in args.changes:
        path, equals, value = word.partition("=")
        keys = _keys(path)
        if not equals or not keys:
            raise InvalidArgumentError(f"write PATH=VALUE, such as capture.interval=10, not {word}")
        section = patch
        for key in keys[:-1]:
            section = section.setdefault(key, {})
            if not isinstance(section, dict):
                raise InvalidArgumentError(f"{word} contradicts another value")
        section[keys[-1]] = _value(value)
    return _change(args, patch)


def _patch(args: argparse.Namespace) -> int:
    from cinepi import strictjson  # noqa: PLC0415 - most other verbs do without

    patch = strictjson.loads(os.fsencode(args.patch), max_bytes=_MAX_PATCH)
    if not isinstance(patch, dict):
        raise InvalidArgumentError('the patch must be a JSON object such as {"camera":{"iso":400}}')
    return _change(args, patch)


def _change(args: argparse.Namespace, patch: dict[str, Any]) -> int:
    params: dict[str, object] = {"patch": patch, "dry_run": args.dry_run}
    if args.base_revision is not None:
        params["base_revision"] = args.base_revision
    change = cli.ask(args, "config.patch", params, limit=_LIMIT)
    cli.show(args, change, _told(change))
    return 0


def _validate(args: argparse.Namespace) -> int:
    try:
        params = {} if args.file is None else {"config": _parsed(Path(args.file))}
        verdict = cli.ask(args, "config.validate", params, limit=_LIMIT)
    except InvalidArgumentError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem.message}\n")
        if not error.problems:
            sys.stderr.write(f"{error}\n")
        return FAILED
    words = [f"{args.file or 'The configuration file'} is valid"]
    if verdict["changed"]:
        words.append(f"It differs from what is in force in {_dotted(verdict['changed'])}")
    cli.show(args, verdict, words)
    return 0


def _parsed(path: Path) -> object:
    """Read a file here, where its name and lines can be told; the service knows its camera."""
    import msgspec  # noqa: PLC0415 - the other verbs do without

    from cinepi.config import atomic  # noqa: PLC0415
    from cinepi.config.parse import parse_config  # noqa: PLC0415
    from cinepi.strictyaml import MAX_SIZE  # noqa: PLC0415

    try:
        text = atomic.read(path, max_bytes=MAX_SIZE, is_ours=False)
    except FileNotFoundError as error:
        raise CinepiError(f"there is no file {path}") from error
    except UnicodeDecodeError as error:
        raise InvalidArgumentError.at("", f"{path} is not UTF-8 text") from error
    return msgspec.to_builtins(parse_config(text, source=str(path)))


def _schema(args: argparse.Namespace) -> int:
    cli.show_json(cli.ask(args, "config.schema", limit=_LIMIT)["schema"])
    return 0


def _backup(args: argparse.Namespace) -> int:
    copy = cli.ask(args, "config.backup", limit=_LIMIT)
    cli.show(args, copy, [copy["backup_file"]])
    return 0


def _backups(args: argparse.Namespace) -> int:
    found = cli.ask(args, "config.backups", limit=_LIMIT)
    cli.show(args, found, _table(found["backups"]))
    return 0


def _restore(args: argparse.Namespace) -> int:
    change = cli.ask(args, "config.restore", {"file": args.file}, limit=_LIMIT)
    cli.show(args, change, _told(change))
    return 0


def _recover(args: argparse.Namespace) -> int:
    change = cli.ask(args, "config.recover", limit=_LIMIT)
    words = "What is in force is in the file again; a broken one is kept beside it"
    cli.show(args, change, [words])
    return 0


def _keys(path: str | None) -> list[str]:
    """`capture.interval`, or as errors and events spell it, `/capture/interval`."""
    return [key for key in (path or "").replace("/", ".").split(".") if key]


def _unknown(keys: list[str], known: object) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a mistake

    message = f"{'.'.join(keys)} is unknown"
    if not isinstance(known, dict):
        return f"{message}; {'.'.join(keys[:-1])} is a single value"
    close = get_close_matches(keys[-1], known, n=1)
    hint = ".".join([*keys[:-1], *close])
    return f"{message}; did you mean {hint}?" if close else f"{message}; known: {', '.join(known)}"


def _value(text: str) -> object:
    """What the text says in JSON, or else the text."""
    from cinepi import strictjson  # noqa: PLC0415 - most other verbs do without

    try:
        return strictjson.loads(os.fsencode(text), max_bytes=_MAX_PATCH)
    except CinepiError:
        return text


def _listed(found: object, above: list[str]) -> Iterator[str]:
    if not isinstance(found, dict):
        yield _spelled(found)
        return
    flat = dict(_flattened(found, above))
    width = max(map(len, flat))
    for path, value in flat.items():
        yield f"{path:<{width}}  {_spelled(value)}"


def _flattened(found: dict[str, Any], above: list[str]) -> Iterator[tuple[str, object]]:
    for key, value in found.items():
        if isinstance(value, dict):
            yield from _flattened(value, [*above, key])
        else:
            yield ".".join([*above, key]), value


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _told(change: dict[str, Any]) -> Iterator[str]:
    if not change["changed"]:
        yield f"Nothing changes: this is what revision {change['revision']} says"
        return
    what = _dotted(change["changed"])
    yield f"Would change {what}" if change["dry_run"] else f"Changed {what}"
    if not change["dry_run"]:
        yield f"Revision {change['revision']}"
    if change["pending_restart"]:
        waiting = _dotted(change["pending_restart"])
        yield f"After the next start of the service: {waiting}"
    if change["backup_file"]:
        yield f"What was before: {change['backup_file']}"
    if not change["kept_comments"]:
        yield "The comments of the file are not kept: it is written in a way that cannot be edited"


def _dotted(pointers: list[str]) -> str:
    return ", ".join(pointer.lstrip("/").replace("/", ".") for pointer in pointers)


def _table(copies: list[dict[str, Any]]) -> Iterator[str]:
    if not copies:
        yield "No copies yet"
        return
    yield f"{'FILE':<38} {'MADE AT':<24} {'BYTES':>6}  VALID"
    for copy in copies:
        valid = "yes" if copy["is_valid"] else "no"
        yield f"{copy['filename']:<38} {copy['created_at']:<24} {copy['size']:>6}  {valid}"


def _add_get_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "path", metavar="PATH", nargs="?", help="a section or a value, such as capture.interval"
    )
    cli.add_json_option(options)


def _add_set_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "changes",
        metavar="PATH=VALUE",
        nargs="+",
        help="such as capture.interval=10; null as the value returns to the default",
    )
    _add_change_options(options)


def _add_patch_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "patch", metavar="JSON", help="the values to change (RFC 7396); null returns to the default"
    )
    _add_change_options(options)


def _add_change_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--dry-run", action="store_true", help="check it and say what would change"
    )
    options.add_argument(
        "--base-revision", metavar="N", type=int, help="fail if it is not at this revision any more"
    )
    cli.add_json_option(options)


def _add_validate_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "file", metavar="FILE", nargs="?", help="a YAML file [the service's own cinepi.yaml]"
    )
    cli.add_json_option(options)


def _add_restore_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("file", metavar="FILE", help="its name, as backups prints it")
    cli.add_json_option(options)


_VERBS = (
    cli.Verb(
        "get",
        "print all values in force, those of a section, or one",
        _get,
        _add_get_options,
        "get\nget capture.interval",
    ),
    cli.Verb(
        "set",
        "change values; comments in the file stay",
        _set,
        _add_set_options,
        "set capture.interval=10 camera.iso=400",
    ),
    cli.Verb(
        "patch",
        "change values, given as JSON",
        _patch,
        _add_patch_options,
        """patch '{"camera":{"iso":400}}' --dry-run""",
    ),
    cli.Verb(
        "validate",
        "check the configuration file, or another file; list all that is wrong",
        _validate,
        _add_validate_options,
        "validate\nvalidate my-cinepi.yaml",
    ),
    cli.Verb("schema", "print the JSON Schema of the configuration", _schema),
    cli.Verb("backup", "copy the file and print the copy's name", _backup, cli.add_json_option),
    cli.Verb("backups", "list the copies, newest first", _backups, cli.add_json_option),
    cli.Verb(
        "restore",
        "put a copy back in place",
        _restore,
        _add_restore_options,
        "restore cinepi_backup_20270101_120000.yaml",
    ),
    cli.Verb(
        "recover",
        "put the configuration in force in the place of a broken file",
        _recover,
        cli.add_json_option,
    ),
)


def main() -> int:
    """Run the command line and return its exit code."""
    about = "The configuration, cinepi.yaml: read it, check it, change it, and go back to a copy."
    return cli.main("cinepi.config", about, _VERBS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
