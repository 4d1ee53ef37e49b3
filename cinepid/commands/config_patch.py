"""config/patch: change some values (RFC 7396); null returns one to its default."""

from cinepi.protocol import ConfigChangeResult, ConfigPatchParams
from cinepid.commands._contract import Command, passed_on
from cinepid.commands._words import config_change

COMMAND = Command(
    summary="Change some values of the configuration.",
    arguments=ConfigPatchParams,
    result=ConfigChangeResult,
    run=passed_on("config.patch", ConfigChangeResult),
    say=config_change,
    lane="config",
    max_age_s=300,
    is_recorded=True,
    inner="/patch",
)
