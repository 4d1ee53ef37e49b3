"""The device trigger for automations: a picture could not be taken."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Fire with the event `capture_failed`."""
    return Component(
        platform="device_automation",
        automation_type="trigger",
        type="failed",
        subtype="Picture",
        topic=facts.topics.event("capture_failed"),
    )
