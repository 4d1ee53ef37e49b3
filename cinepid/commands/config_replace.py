"""config/replace: put a whole configuration in the place of the present one."""

from cinepi.protocol import ConfigChangeResult, ConfigReplaceParams
from cinepid.commands._contract import Command, passed_on
from cinepid.commands._words import config_change

COMMAND = Command(
    summary="Replace the whole configuration.",
    arguments=ConfigReplaceParams,
    result=ConfigChangeResult,
    run=passed_on("config.replace", ConfigChangeResult),
    say=config_change,
    lane="config",
    max_age_s=300,
    is_recorded=True,
)
