"""Whether anything is wrong, with the reason."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts

_REASONS = (
    "{% set checks = value_json.checks.values() | list %}"
    "{{ dict(reason=checks | map(attribute='reason') | select | join('; ') or None) | tojson }}"
)


def component(facts: Facts) -> Component:
    """Sum up all checks; `reason` says what is wrong and what to do about it."""
    health = facts.topics.document("health")
    return Component(
        platform="binary_sensor",
        name="Problem",
        device_class="problem",
        entity_category="diagnostic",
        state_topic=health,
        value_template="{{ 'ON' if value_json.state in ['degraded', 'failing'] else 'OFF' }}",
        json_attributes_topic=health,
        json_attributes_template=_REASONS,
    )
