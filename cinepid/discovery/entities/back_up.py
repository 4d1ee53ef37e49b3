"""The button that copies the configuration."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Keep a copy of the configuration on the device."""
    return Component(
        platform="button",
        name="Back up configuration",
        icon="mdi:content-save-cog",
        entity_category="config",
        command_topic=facts.topics.command("config/backup"),
        payload_press="{}",
    )
