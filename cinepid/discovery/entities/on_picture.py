"""The device trigger for automations: a picture is complete."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Fire with the event `capture_stored`."""
    return Component(
        platform="device_automation",
        automation_type="trigger",
        type="taken",
        subtype="Picture",
        topic=facts.topics.event("capture_stored"),
    )
