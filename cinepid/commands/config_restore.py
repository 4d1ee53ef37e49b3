"""config/restore: return to a backup."""

from cinepi.protocol import ConfigChangeResult, RestoreParams
from cinepid.commands._contract import Command, passed_on
from cinepid.commands._words import config_change

COMMAND = Command(
    summary="Return to a backup of the configuration.",
    arguments=RestoreParams,
    result=ConfigChangeResult,
    run=passed_on("config.restore", ConfigChangeResult),
    say=config_change,
    lane="config",
    max_age_s=300,
    is_recorded=True,
)
