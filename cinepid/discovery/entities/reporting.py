"""Whether the device goes on telling how it is: one that hangs may still be called online."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts

SILENT_AFTER_S = 120
"""Health is said every 30 s: four times nothing is silence; `cinepictl` judges alike."""


def component(facts: Facts) -> Component:
    """On with each health document, unavailable when none has come for a while."""
    return Component(
        platform="binary_sensor",
        name="Reporting",
        device_class="connectivity",
        entity_category="diagnostic",
        state_topic=facts.topics.document("health"),
        value_template="ON",
        expire_after=SILENT_AFTER_S,
    )
