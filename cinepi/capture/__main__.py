"""`python3 -m cinepi.capture`: take, find, check and delete pictures."""

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cinepi import cli
from cinepi.entry import FAILED
from cinepi.errors import InvalidArgumentError
from cinepi.units import Seconds, counted, sized

_LIMIT: Seconds = 28.0
"""For a whole command: callers are promised an answer within 30 s."""
_DELETE_LIMIT: Seconds = 3600.0
"""A filter may fit all pictures of a month, and a slow card takes a millisecond for each."""
_VERIFY_LIMIT: Seconds = 24 * 3600.0
"""A check reads every byte of every picture, from an SD card at perhaps 40 MB/s."""
_FILTERS = ("session", "kind", "since", "until")


def _manual(args: argparse.Namespace) -> int:
    picture = cli.ask(args, "snapshot.take", limit=_LIMIT)
    sys.stdout.write(f"{picture['filename']}\n")
    return 0


def _list(args: argparse.Namespace) -> int:
    page = cli.ask(args, "captures.list", _list_params(args), limit=_LIMIT)
    cli.show(args, page, _table(page))
    return 0


def _list_params(args: argparse.Namespace) -> dict[str, Any]:
    if not cli.has_options(args):
        return {}
    from cinepi.protocol import CapturesListParams  # noqa: PLC0415 - the other verbs do without

    return cli.given(args, CapturesListParams)


def _get(args: argparse.Namespace) -> int:
    picture = cli.ask(args, "captures.get", {"filename": args.filename}, limit=_LIMIT)
    cli.show(args, picture, _sheet(picture))
    return 0


def _delete(args: argparse.Namespace) -> int:
    from cinepi.protocol import CapturesDeleteParams  # noqa: PLC0415 - the other verbs do without

    if not args.filenames and not any(key in args for key in _FILTERS):
        raise InvalidArgumentError(
            "name the pictures to delete, or give a filter such as --session"
        )
    params = cli.given(args, CapturesDeleteParams)
    if not args.filenames:
        del params["filenames"]
    went = cli.ask(args, "captures.delete", params, limit=_DELETE_LIMIT)
    cli.show(args, went, _going(went))
    return 0


def _verify(args: argparse.Namespace) -> int:
    found = cli.ask(args, "captures.verify", {"digest": args.digest}, limit=_VERIFY_LIMIT)
    cli.show(args, found, _findings(found))
    return FAILED if found["damaged"] or found["missing"] else 0


def _accept(args: argparse.Namespace) -> int:
    accepted = cli.ask(args, "captures.accept", limit=_LIMIT)
    cli.show(
        args,
        accepted,
        ["Accepted: pictures go on in this folder; what it lacks is told as missing"],
    )
    return 0


def _table(page: dict[str, Any]) -> Iterator[str]:
    if not page["captures"]:
        yield "No pictures"
        return
    yield f"{'FILE':<31} {'TAKEN':<19} {'SIZE':>9}  OF"
    for picture in page["captures"]:
        taken = datetime.fromisoformat(picture["taken_at"]).astimezone()
        of = f"{picture['session']}, slot {picture['frame']}" if picture["session"] else "snapshot"
        size = sized(picture["size"])
        yield f"{picture['filename']:<31} {taken:%Y-%m-%d %H:%M:%S} {size:>9}  {of}"
    if page["next"]:
        yield f"There are more: --before {page['next']}"


def _sheet(picture: dict[str, Any]) -> Iterator[str]:
    own = {key: value for key, value in picture.items() if not isinstance(value, dict | list)}
    asked = {f"asked_{key}": value for key, value in picture["asked"].items()}
    for key, value in (own | asked | picture["achieved"]).items():
        if value is not None:
            yield f"{key:<22} {value}"
    for file in picture["files"]:
        yield f"{'beside it':<22} {file['filename']}, {sized(file['size'])}"


def _going(went: dict[str, Any]) -> Iterator[str]:
    yield from went["filenames"]
    if more := went["count"] - len(went["filenames"]):
        yield f"and {more} more"
    verb = "Would delete" if went["dry_run"] else "Deleted"
    yield f"{verb} {counted(went['count'], 'picture')}, {sized(went['bytes'])}"


def _findings(found: dict[str, Any]) -> Iterator[str]:
    yield f"Checked {counted(found['checked'], 'picture')}"
    for kind in ("damaged", "missing", "unknown"):
        for name in found[kind]:
            yield f"{kind}: {name}"
        if more := found[f"{kind}_count"] - len(found[kind]):
            yield f"{kind}: and {more} more"
    if not found["damaged"] and not found["missing"]:
        yield "All are whole"


def _add_list_options(options: argparse.ArgumentParser) -> None:
    _add_filters(options, ("limit", "before", *_FILTERS))
    cli.add_json_option(options)


def _add_get_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("filename", metavar="FILE", help="its name, as list prints it")
    cli.add_json_option(options)


def _add_delete_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("filenames", metavar="FILE", nargs="*", help="names, as list prints them")
    _add_filters(options, _FILTERS)
    options.add_argument("--dry-run", action="store_true", help="only say what would go")
    cli.add_json_option(options)


def _add_verify_options(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--digest",
        action="store_true",
        help="read all of every picture and compare it with what was written, which takes long",
    )
    cli.add_json_option(options)


def _add_filters(options: argparse.ArgumentParser, keys: tuple[str, ...]) -> None:
    from cinepi.features import features_of  # noqa: PLC0415 - the other verbs do without
    from cinepi.protocol import CapturesListParams  # noqa: PLC0415

    features = [feature for feature in features_of(CapturesListParams) if feature.key in keys]
    cli.add_features(options, features, {})


_VERBS = (
    cli.Verb("manual", "take a picture and print its file name", _manual, None, "manual"),
    cli.Verb(
        "list",
        "list pictures, newest first",
        _list,
        _add_list_options,
        "list --limit 10\nlist --kind snapshot --since 2027-06-21T00:00 --json",
        is_quick_alone=True,
    ),
    cli.Verb(
        "get",
        "print what is known of one picture",
        _get,
        _add_get_options,
        "get cinepi_20270621_120000.jpg",
    ),
    cli.Verb(
        "delete",
        "delete pictures, by name or by filter",
        _delete,
        _add_delete_options,
        "delete cinepi_20270621_120000.jpg\ndelete --until 2027-06-01T00:00 --dry-run",
    ),
    cli.Verb(
        "verify",
        "check every picture against its index entry; fails if one is damaged or missing",
        _verify,
        _add_verify_options,
        "verify\nverify --digest",
    ),
    cli.Verb(
        "accept",
        "go on in a folder that is another one than before, as health says it is",
        _accept,
        cli.add_json_option,
        "accept",
    ),
)


def main() -> int:
    """Run the command line and return its exit code."""
    about = "Pictures: take one, find them, check them, delete them."
    return cli.main("cinepi.capture", about, _VERBS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
