"""The device trigger for automations: a session has a gap."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Fire with the event `frames_missed`."""
    return Component(
        platform="device_automation",
        automation_type="trigger",
        type="missed",
        subtype="Frames",
        topic=facts.topics.event("frames_missed"),
    )
