"""The camera entity: the newest picture, large, under the device's own name."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts


def component(facts: Facts) -> Component:
    """Show the preview as a camera."""
    return Component(platform="camera", name=None, topic=facts.topics.image)
