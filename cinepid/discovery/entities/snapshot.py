"""The button that takes a picture now."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Ask for a snapshot; the picture comes as every picture does."""
    return Component(
        platform="button",
        name="Take snapshot",
        icon="mdi:camera",
        command_topic=facts.topics.command("snapshot/take"),
        payload_press="{}",
    )
