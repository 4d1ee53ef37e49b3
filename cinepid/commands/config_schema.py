"""config/schema: what a configuration may hold, as JSON Schema."""

from cinepi.protocol import NoParams
from cinepid.commands._contract import Command, passed_on
from cinepid.payloads import SchemaDocument

COMMAND = Command(
    summary="Give the JSON Schema of the configuration.",
    arguments=NoParams,
    result=SchemaDocument,
    run=passed_on("config.schema", SchemaDocument),
    say=lambda _: "Schema of the configuration",
)
