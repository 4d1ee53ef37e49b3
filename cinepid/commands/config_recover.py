"""config/recover: return to the newest backup that is valid, else to the defaults."""

from cinepi.protocol import ConfigChangeResult, NoParams
from cinepid.commands._contract import Command, passed_on
from cinepid.commands._words import config_change

COMMAND = Command(
    summary="Return to the newest valid backup, else to the defaults.",
    arguments=NoParams,
    result=ConfigChangeResult,
    run=passed_on("config.recover", ConfigChangeResult),
    say=config_change,
    lane="config",
    max_age_s=300,
    is_recorded=True,
)
