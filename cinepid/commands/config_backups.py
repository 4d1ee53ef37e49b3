"""config/backups: which copies there are."""

from cinepi.protocol import BackupsResult, NoParams
from cinepi.units import counted
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="List the copies of the configuration, newest first.",
    arguments=NoParams,
    result=BackupsResult,
    run=passed_on("config.backups", BackupsResult),
    say=lambda found: counted(len(found.backups), "backup"),
)
