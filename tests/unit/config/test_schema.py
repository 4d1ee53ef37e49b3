import json

import jsonschema
import msgspec
import pytest

from cinepi.config.schema import json_schema
from cinepi.model.settings import Config


def test_the_schema_accepts_the_defaults() -> None:
    """The defaults fit the schema, which is itself a valid one, and plain JSON."""
    schema = json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(msgspec.to_builtins(Config()), schema)


@pytest.mark.parametrize(
    "wrong", [{"camera": {"iso": 99}}, {"camera": {"isoo": 100}}, {"cam": {}}, {"system": 1}]
)
def test_the_schema_refuses_what_the_check_refuses(wrong: object) -> None:
    """Ranges and unknown keys are in the schema."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json_schema())
