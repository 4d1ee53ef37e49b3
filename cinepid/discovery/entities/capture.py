"""The event entity: everything that happens, as the journal tells it."""

from cinepi.model.events import EVENT_TYPES, event_type
from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts
from cinepid.payloads import Gap

_LONGEST = 8192
"""Home Assistant's recorder keeps no attributes over 16 KiB, and warns."""


def component(facts: Facts) -> Component:
    """Pass every event on; of a very long one, only what it is."""
    head = ", ".join(f"{key}=value_json.{key}" for key in ("event_type", "seq", "at", "replay"))
    return Component(
        platform="event",
        name="Capture",
        icon="mdi:camera-burst",
        event_types=(*map(event_type, EVENT_TYPES), event_type(Gap)),
        state_topic=facts.topics.events,
        value_template=(
            f"{{{{ value if value | length < {_LONGEST} else dict({head}) | tojson }}}}"
        ),
    )
