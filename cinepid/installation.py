"""How an installed daemon is run: its units, and what the daemon's own user can see and read.

Whoever checks is mostly root, who can read everything; the daemon is neither root nor outside of
its unit. Where the units are not installed there is nothing to say.
"""

import pwd
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cinepi.units import Seconds
from cinepid.config import BrokerSettings
from cinepid.errors import ConfigError
from cinepid.finding import Finding, doubtful, good, wrong

UNITS = ("cinepi.socket", "cinepi.service", "cinepid.service")
DAEMON = "cinepid.service"
USER = "cinepid"

_SYSTEMD = Path("/run/systemd/system")
_ASK_LIMIT: Seconds = 10.0
_ON_DEMAND = "cinepi.service"  # its socket starts it
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - by the unit
_PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "ExecMainStatus",
    "NRestarts",
    "NeedDaemonReload",
    "ActiveEnterTimestamp",
)

Unit = dict[str, str]


def look(config: Path, settings: BrokerSettings | None, root: Path) -> list[Finding]:
    """Look at units and files; `settings` is None where the configuration cannot be read.

    Blocks while systemd answers, for at most 10 s.
    """
    if root != Path("/") or not _SYSTEMD.is_dir():
        return []
    units = _units()
    if not units:
        return []
    found = [finding for unit in units for finding in _unit_findings(unit)]
    credential = root / "etc/cinepid/mqtt.password"
    found += _changed_since(units[-1], config, credential)
    if settings is not None:
        named = (settings.ca_file, settings.cert_file, settings.key_file, settings.password_file)
        found += [finding for name in named if name for finding in _file_findings(Path(name))]
    if settings is not None and settings.key_file:
        found += _key_findings(Path(settings.key_file))
    return found


def _units() -> list[Unit]:
    """What systemd knows of our units; nothing where they are not installed."""
    command = ["systemctl", "show", "--timestamp=unix", f"--property={','.join(_PROPERTIES)}"]
    try:
        done = subprocess.run(
            [*command, *UNITS], capture_output=True, text=True, timeout=_ASK_LIMIT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    units = [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in done.stdout.split("\n\n")
    ]
    is_installed = len(units) == len(UNITS) and all(
        unit.get("LoadState") != "not-found" for unit in units
    )
    return units if is_installed else []


def _unit_findings(unit: Unit) -> Iterator[Finding]:
    name = unit["Id"]
    if unit["LoadState"] == "masked":
        yield wrong(
            f"{name}: it is masked, so it never runs", f"sudo systemctl unmask --now {name}"
        )
        return
    if unit["LoadState"] != "loaded":
        yield wrong(f"{name}: systemd cannot use it", f"systemctl status {name} says why")
        return
    problems = [*_running_problems(name, unit), *_boot_problems(name, unit)]
    yield from problems or [good(f"{name}: {unit['ActiveState']}, and starts at boot")]


def _running_problems(name: str, unit: Unit) -> Iterator[Finding]:
    logs = f"journalctl --unit {name} --lines 20 says why"
    if unit["SubState"] == "auto-restart":
        yield wrong(f"{name}: ends again and again, {unit['NRestarts']} times so far", logs)
    elif (
        unit["ActiveState"] == "failed" and unit.get("ExecMainStatus") == f"{ConfigError.EXIT_CODE}"
    ):
        advice = f"mend what is said here, then: sudo systemctl restart {name}"
        yield wrong(f"{name}: has ended because its configuration is wrong", advice)
    elif unit["ActiveState"] == "failed":
        yield wrong(f"{name}: has failed: {unit['Result']}", logs)
    elif unit["ActiveState"] == "inactive":
        judge = doubtful if name == _ON_DEMAND else wrong
        yield judge(f"{name}: is not running", f"sudo systemctl start {name}")
    if unit["NeedDaemonReload"] == "yes":
        advice = f"sudo systemctl daemon-reload && sudo systemctl restart {name}"
        yield doubtful(f"{name}: was edited, and systemd has not read it yet", advice)


def _boot_problems(name: str, unit: Unit) -> Iterator[Finding]:
    if unit["UnitFileState"] not in ("enabled", "enabled-runtime"):
        yield doubtful(f"{name}: does not start at boot", f"sudo systemctl enable {name}")


def _changed_since(daemon: Unit, *files: Path) -> Iterator[Finding]:
    """What the daemon reads when it starts, and has not read since."""
    started = daemon["ActiveEnterTimestamp"].lstrip("@")
    if daemon["ActiveState"] != "active" or not started.isdigit():
        return
    for file in files:
        try:
            changed = file.stat().st_mtime
        except OSError:
            continue
        if changed > int(started) + 1:
            advice = f"sudo systemctl restart {DAEMON}"
            yield doubtful(f"{file}: was changed after the daemon had read it", advice)


def _file_findings(path: Path) -> Iterator[Finding]:
    mend = f"sudo install -m 640 -g {USER} {path} /etc/cinepid/, and name that in cinepid.yaml"
    hidden = next((place for place in _HIDDEN if path.is_relative_to(place)), None)
    if hidden is not None:
        yield wrong(f"{path}: the daemon's unit hides {hidden} from it", mend)
    elif path.exists() and not _daemon_can_read(path):
        yield wrong(
            f"{path}: the daemon's user cannot read it",
            f"sudo chgrp {USER} {path}; sudo chmod g+r {path}",
        )


def _daemon_can_read(path: Path) -> bool:
    """Try it as the daemon's user; True where nobody but root could try."""
    try:
        user = pwd.getpwnam(USER)
        tried = subprocess.run(
            ["test", "-r", path], user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=False
        )
    except (KeyError, OSError, subprocess.SubprocessError):
        return True
    return tried.returncode == 0


def _key_findings(key: Path) -> Iterator[Finding]:
    try:
        mode = key.stat().st_mode
    except OSError:
        return
    if mode & stat.S_IROTH:
        yield wrong(f"{key}: everybody on this machine can read the key", f"sudo chmod o-r {key}")
