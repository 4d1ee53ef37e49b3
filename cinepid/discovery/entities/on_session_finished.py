"""The device trigger for automations: a session has ended."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Fire with the event `session_stopped`."""
    return Component(
        platform="device_automation",
        automation_type="trigger",
        type="finished",
        subtype="Session",
        topic=facts.topics.event("session_stopped"),
    )
