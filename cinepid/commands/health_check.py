"""health/check: look at everything now."""

from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, Context
from cinepid.health import HealthDocument


async def _run(context: Context, _: NoParams) -> HealthDocument:
    return await context.parts.health.look()


def _say(health: HealthDocument) -> str:
    checks = health.checks
    reasons = [
        check.reason
        for check in (
            checks.cinepi_modules,
            checks.file_system,
            checks.configuration,
            checks.mqtt,
        )
        if check.reason
    ]
    return "; ".join(reasons) or "All is well"


COMMAND = Command(
    summary="Check everything now.",
    arguments=NoParams,
    result=HealthDocument,
    run=_run,
    say=_say,
)
