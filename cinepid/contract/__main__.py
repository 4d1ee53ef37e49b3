"""`python -m cinepid.contract write | check | release`: the contract's files under docs/."""

import argparse
import json
import sys
from pathlib import Path

from cinepid.contract.asyncapi import document
from cinepid.contract.changes import bones, breaking
from cinepid.contract.render import render
from cinepid.payloads import CONTRACT

_DOCS = Path("docs")
_RELEASES = _DOCS / "contract"


def main() -> int:
    """Run one verb; returns the exit code: 0 well, 1 stale or broken."""
    parser = argparse.ArgumentParser(prog="python -m cinepid.contract", description=__doc__)
    parser.add_argument("verb", choices=("write", "check", "release"))
    verb = parser.parse_args().verb
    return {"write": _write, "check": _check, "release": _release}[verb]()


def _write() -> int:
    for path, text in render(_DOCS).items():
        path.write_text(text)
    return 0


def _check() -> int:
    stale = [
        str(path)
        for path, text in render(_DOCS).items()
        if not path.exists() or path.read_text() != text
    ]
    if stale:
        print(f"{', '.join(stale)}: not what the code says; run make contract")
    broken = [
        f"{release.name}: {change}"
        for release in sorted(_RELEASES.glob("*.json"))
        for change in breaking(json.loads(release.read_text()), bones(document()))
    ]
    for line in broken:
        print(line)
    return 1 if stale or broken else 0


def _release() -> int:
    """Freeze the contract of this version, for all versions to come to be measured by."""
    path = _RELEASES / f"{CONTRACT}.json"
    path.parent.mkdir(exist_ok=True)
    lines = (
        f"{json.dumps(name)}: {json.dumps(operation, sort_keys=True)}"
        for name, operation in bones(document()).items()
    )
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
