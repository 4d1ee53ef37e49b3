"""config/get: the configuration in force."""

from cinepi.model.documents import ConfigDocument
from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, passed_on

COMMAND = Command(
    summary="Give the configuration in force.",
    arguments=NoParams,
    result=ConfigDocument,
    run=passed_on("config.get", ConfigDocument),
    say=lambda config: f"Configuration revision {config.revision}",
)
