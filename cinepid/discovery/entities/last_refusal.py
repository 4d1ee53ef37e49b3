"""Why the last command that was refused was refused."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts

_LONGEST = 255  # of any state in Home Assistant


def component(facts: Facts) -> Component:
    """Keep the newest error among the answers to all commands."""
    words = "(value_json.command ~ ': ' ~ value_json.error.message)"
    return Component(
        platform="sensor",
        name="Last refusal",
        icon="mdi:message-alert",
        entity_category="diagnostic",
        state_topic=facts.topics.responses,
        value_template=(
            f"{{{{ {words}[:{_LONGEST}] if value_json.error is mapping else this.state }}}}"
        ),
    )
