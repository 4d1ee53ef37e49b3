"""The device trigger for automations: the camera has stopped answering."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Fire with the event `camera_lost`."""
    return Component(
        platform="device_automation",
        automation_type="trigger",
        type="lost",
        subtype="Camera",
        topic=facts.topics.event("camera_lost"),
    )
