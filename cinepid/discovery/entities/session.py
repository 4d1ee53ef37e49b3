"""The switch that starts and ends a timelapse session."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts

_SHOWN = ("id", "name", "interval", "started_at", "pause_reason", "end_reason", "ended_at")


def component(facts: Facts) -> Component:
    """Start with the settings as they are; on means that a session is there, paused or not."""
    pairs = ", ".join(f"{key}=value_json.{key}" for key in _SHOWN)
    return Component(
        platform="switch",
        name="Timelapse session",
        icon="mdi:timelapse",
        state_topic=facts.topics.document("session"),
        value_template="{{ 'OFF' if value_json.state == 'idle' else 'ON' }}",
        command_topic=facts.topics.command("session/set"),
        json_attributes_topic=facts.topics.document("session"),
        json_attributes_template=f"{{{{ dict({pairs}) | tojson }}}}",
    )
