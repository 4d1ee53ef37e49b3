"""The button that closes and opens the camera."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Restart the camera, not the device; a session goes on."""
    return Component(
        platform="button",
        name="Restart camera",
        device_class="restart",
        entity_category="config",
        command_topic=facts.topics.command("camera/restart"),
        payload_press="{}",
    )
