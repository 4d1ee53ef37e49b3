"""Sentences that several commands say."""

from cinepi.protocol import ConfigChangeResult


def config_change(change: ConfigChangeResult) -> str:
    """What happened to the configuration."""
    if not change.changed:
        return "The configuration is the same as before"
    did = "would change" if change.dry_run else "changed"
    said = f"{', '.join(change.changed)} {did}"
    if change.pending_restart:
        said += f"; after a restart: {', '.join(change.pending_restart)}"
    return said
