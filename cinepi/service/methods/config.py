"""The configuration: get, schema, patch, replace, validate, backup, backups, restore, recover."""

import msgspec

from cinepi import check
from cinepi.config import schema, store
from cinepi.errors import ConflictError, InvalidArgumentError
from cinepi.model.documents import ConfigDocument
from cinepi.model.settings import Config
from cinepi.protocol import (
    BackupResult,
    BackupsResult,
    ConfigChangeResult,
    ConfigPatchParams,
    ConfigReplaceParams,
    ConfigValidateParams,
    NoParams,
    RestoreParams,
)
from cinepi.service.requests import Call, method


class SchemaResult(msgspec.Struct, frozen=True):
    """Answer of `config.schema`."""

    schema: dict[str, object]


@method("config.get", NoParams)
def get(call: Call[NoParams]) -> ConfigDocument:
    """All values in force."""
    return call.parts.in_force.document()


@method("config.schema", NoParams)
def schema_(_call: Call[NoParams]) -> SchemaResult:
    """What may stand in it, as JSON Schema."""
    return SchemaResult(schema.json_schema())


@method("config.patch", ConfigPatchParams)
def patch(call: Call[ConfigPatchParams]) -> ConfigChangeResult:
    """Change some values."""
    return call.parts.configuration.patch(
        call.params.patch,
        base_revision=call.params.base_revision,
        dry_run=call.params.dry_run,
        command=call.command,
    )


@method("config.replace", ConfigReplaceParams)
def replace(call: Call[ConfigReplaceParams]) -> ConfigChangeResult:
    """Change all values."""
    return call.parts.configuration.replace(
        call.params.config,
        base_revision=call.params.base_revision,
        dry_run=call.params.dry_run,
        command=call.command,
    )


@method("config.validate", ConfigValidateParams)
def validate(call: Call[ConfigValidateParams]) -> ConfigChangeResult:
    """Say whether a configuration, or the file as it is on disk, is right; nothing changes."""
    configuration = call.parts.configuration
    if call.params.config is not None:
        if problems := check.problems_of(Config, call.params.config):
            raise InvalidArgumentError.of(problems)
        return configuration.replace(call.params.config, dry_run=True)
    try:
        changed = configuration.changes_of_file()
    except FileNotFoundError as error:
        raise ConflictError(f"there is no {call.parts.layout.config}") from error
    return ConfigChangeResult(revision=call.parts.in_force.revision, changed=changed, dry_run=True)


@method("config.backup", NoParams)
def backup(call: Call[NoParams]) -> BackupResult:
    """Copy the file."""
    return call.parts.configuration.back_up(call.command)


@method("config.backups", NoParams)
def backups(call: Call[NoParams]) -> BackupsResult:
    """All copies, newest first."""
    return BackupsResult(backups=store.backups(call.parts.layout))


@method("config.restore", RestoreParams)
def restore(call: Call[RestoreParams]) -> ConfigChangeResult:
    """Put a copy back in place."""
    text = store.read_backup(call.parts.layout, call.params.file)
    return call.parts.configuration.restore(text, call.command)


@method("config.recover", NoParams)
def recover(call: Call[NoParams]) -> ConfigChangeResult:
    """Put what is in force in the place of a file that somebody has broken."""
    return call.parts.configuration.recover(call.command)
