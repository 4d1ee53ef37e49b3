"""config/validate: would this be a configuration? Without one, the file on the device."""

from cinepi.protocol import ConfigChangeResult, ConfigValidateParams
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Check a configuration, or the file on the device; changes nothing.",
    arguments=ConfigValidateParams,
    result=ConfigChangeResult,
    run=passed_on("config.validate", ConfigChangeResult),
    say=lambda _: "The configuration is valid",
    is_broadcast=True,
)
