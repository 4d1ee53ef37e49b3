"""The image entity: the newest picture, with what is known about it."""

from cinepid.discovery.component import Component
from cinepid.discovery.facts import Facts

_SHOWN = ("filename", "taken_at", "kind", "frame", "width", "height", "size", "achieved")


def component(facts: Facts) -> Component:
    """Show the preview as an image."""
    pairs = ", ".join(f"{key}=value_json.{key}" for key in _SHOWN)
    return Component(
        platform="image",
        name="Last picture",
        image_topic=facts.topics.image,
        json_attributes_topic=facts.topics.document("capture"),
        json_attributes_template=f"{{{{ dict({pairs}) | tojson }}}}",
    )
