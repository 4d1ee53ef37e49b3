"""What keeps machines apart that run at the same time: control groups and mounts of their own.

systemd-nspawn by itself puts every machine into `payload`, beside the group that it was started in.
Then the units of all machines have their groups in common: `systemctl kill` in one kills the same
unit of the others, and the device rules of all apply to each. And it keeps a copy of every mount
that there is when it starts, until it ends: the disk of another machine that is unmounted meanwhile
goes on being in use, and what was written to it need not be in its file.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_APART = """
echo $$ >"$0/cgroup.procs"
exec unshare --mount --propagation private sh -euc '
    while read -r source place _; do
        case $source:$place in
        *:"$0" | *:/) ;;
        box:* | /dev/loop*) umount --lazy "$place" 2>/dev/null || true ;; # it may be gone already
        esac
    done </proc/mounts
    exec "$@"' "$@"
"""
"""Arguments: the control group, the machine's root, and the command. `box` is what we mount."""


class Isolation:
    """What one machine has for itself."""

    def __init__(self, name: str, root: Path) -> None:
        """Make a control group below our own, for the machine whose root is mounted at `root`.

        Raises:
            OSError: There is no place for it here.
        """
        unified, older = _own("cgroup2", ""), _own("cgroup", "name=systemd")
        if unified is None:
            raise OSError("no unified hierarchy of control groups is mounted")
        self._root = root
        self._group = unified / name
        self._group.mkdir(exist_ok=True)
        # Where there are two hierarchies, systemd-nspawn makes the same groups in the older, too.
        self._groups = [self._group] if older is None else [self._group, older / name]

    def around(self, command: Sequence[str]) -> list[str]:
        """The command, which sees no disk and no process of other machines."""
        return ["sh", "-euc", _APART, str(self._group), str(self._root), *command]

    def remove(self) -> None:
        """Remove the control group, with all that are below it, once its processes have gone."""
        for folder in self._groups:
            for group, _, _ in os.walk(folder, topdown=False):
                with suppress(OSError):  # of a process that is about to end
                    Path(group).rmdir()


def _own(kind: str, controller: str) -> Path | None:
    """Our own group in a hierarchy; None where that is not mounted."""
    groups = dict(
        line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines()
    )
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, about = line.partition(" - ")
        if about.startswith(f"{kind} ") and controller in about:
            _, _, _, root, mounted, *_ = place.split()
            return Path(mounted, os.path.relpath(groups[controller], root))
    return None
