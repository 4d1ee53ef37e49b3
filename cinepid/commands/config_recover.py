"""config/recover: put the configuration in force in the place of a broken file."""

from cinepi.protocol import ConfigChangeResult, NoParams
from cinepid.commands._contract import Command, passed_on
from cinepid.commands._words import config_change

COMMAND = Command(
    summary="Put the configuration in force in the place of a broken file.",
    arguments=NoParams,
    result=ConfigChangeResult,
    run=passed_on("config.recover", ConfigChangeResult),
    say=config_change,
    lane="config",
    max_age_s=300,
    is_recorded=True,
)
