"""The JSON Schema of the configuration, for editors and for whoever builds a form."""

import msgspec

from cinepi.model.settings import Config


def json_schema() -> dict[str, object]:
    """The schema (draft 2020-12), with `x-unit`, `x-step` and `x-restart` where they apply."""
    schema: dict[str, object] = msgspec.json.schema(Config)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CinePi configuration",
        **schema,
    }
