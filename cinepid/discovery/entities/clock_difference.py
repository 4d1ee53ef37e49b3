"""How far the device's clock is from Home Assistant's."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts

_UNREMARKABLE_S = 2
_PERIOD_S = 30
"""Home Assistant, just started, hears a health document that is up to this old."""


def component(facts: Facts) -> Component:
    """Compare the time of the newest health document with the time at which it comes."""
    off = "as_timestamp(value_json.at, 0) - as_timestamp(now())"
    is_near = f"-{_PERIOD_S + _UNREMARKABLE_S} < off < {_UNREMARKABLE_S}"
    return Component(
        platform="sensor",
        name="Clock difference",
        icon="mdi:clock-alert-outline",
        device_class="duration",
        state_class="measurement",
        unit_of_measurement="s",
        suggested_display_precision=0,
        entity_category="diagnostic",
        state_topic=facts.topics.document("health"),
        value_template=f"{{% set off = {off} %}}{{{{ 0 if {is_near} else off | round(0) }}}}",
    )
