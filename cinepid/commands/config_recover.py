"""config/recover: put the configuration in force in the place of a broken file."""

from cinepi.protocol import ConfigChangeResult, NoParams
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Put the configuration in force in the place of a broken file.",
    arguments=NoParams,
    result=ConfigChangeResult,
    run=passed_on("config.recover", ConfigChangeResult),
    say=lambda _: "What is in force is in the file again; a broken one is kept beside it",
    lane="config",
    max_age_s=300,
    is_recorded=True,
)
