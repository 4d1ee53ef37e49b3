"""config/backup: copy the configuration."""

from cinepi.protocol import BackupResult, NoParams
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Copy the configuration.",
    arguments=NoParams,
    result=BackupResult,
    run=passed_on("config.backup", BackupResult),
    say=lambda made: f"Backup created: {made.backup_file}",
    lane="config",
    max_age_s=300,
    is_recorded=True,
)
