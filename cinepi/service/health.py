"""How the camera side is: three checks, each with a reason that a person can act on."""

import os
from pathlib import Path

from cinepi.config import store as config_store
from cinepi.errors import CinepiError, Problem
from cinepi.protocol import Check, HealthResult
from cinepi.service.parts import Parts

MOST_TOLD = 5
"""Lines of the configuration that a reason names: it is one sentence of a small document."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


def check(parts: Parts) -> HealthResult:
    """Look at everything; blocks for a few milliseconds on a healthy disk."""
    file_system, file_operation_ms = _file_system(parts)
    return HealthResult(
        cinepi_modules=_modules(parts),
        file_system=file_system,
        configuration=_configuration(parts),
        file_operation_ms=file_operation_ms,
        rss_bytes=_rss(),
    )


def _modules(parts: Parts) -> Check:
    camera = parts.camera.document()
    if camera.health == "ok":
        return Check(state="ok")
    reason = camera.problem or f"the camera is {camera.health}"
    if camera.health == "recovering":
        return Check(state="degraded", reason=reason)
    return Check(state="failing", reason=reason)


def _file_system(parts: Parts) -> tuple[Check, float | None]:
    if (refusal := parts.tidying.refusal) is not None:
        return Check(state="failing", reason=refusal), None
    try:
        took_ms = parts.probe.measure()
    except CinepiError as error:
        return Check(state="failing", reason=str(error)), None
    storage = parts.storage.document()
    if storage.problem is not None:
        return Check(state="failing", reason=storage.problem), took_ms
    free = f"{storage.free_bytes / 1e6:.0f} MB free, {storage.reserve_bytes / 1e6:.0f} MB reserve"
    if storage.state == "full":
        reason = f"no room for another picture ({free}): delete captures or lower reserve_mb"
        return Check(state="failing", reason=reason), took_ms
    if storage.state == "low":
        return Check(state="degraded", reason=f"the disk is nearly full ({free})"), took_ms
    return Check(state="ok"), took_ms


def _configuration(parts: Parts) -> Check:
    if problem := parts.configuration.problem():
        return Check(state="failing", reason=problem)
    if unused := parts.in_force.problems:
        return Check(state="degraded", reason=_unused(parts.layout.config.name, unused))
    enabled = parts.in_force.config.system.backup_enabled
    if enabled and parts.in_force.revision > 1 and not config_store.has_backups(parts.layout):
        return Check(state="degraded", reason="there is no backup: make one with config/backup")
    return Check(state="ok")


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _unused(name: str, problems: tuple[Problem, ...]) -> str:
    """That some lines are not used, and which."""
    what = "; ".join(problem.message for problem in problems[:MOST_TOLD])
    more = f"; and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
    return f"{name} holds, but for what is not understood in it: {what}{more}"
