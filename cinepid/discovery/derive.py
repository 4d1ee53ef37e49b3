"""From a feature to an entity: which platform, and how Home Assistant is to show it."""

from typing import Any

from msgspec import UNSET, UnsetType

from cinepi.features import Feature
from cinepid.discovery import template
from cinepid.discovery.component import Category, Component
from cinepid.discovery.source import Setter, Source
from cinepid.topics import Topics

_BYTES_SHOWN = 1e9, "GB"
"""Home Assistant would show bytes as they are: 12,345,678,901 B."""

_TRUE, _FALSE = "True", "False"  # as a template spells what JSON calls true and false


def reading(source: Source, topics: Topics) -> Component:
    """The sensor that shows a reading."""
    feature = source.feature
    value = template.path_of(*source.path)
    general = _words(feature, "diagnostic" if feature.place == "diagnostic" else UNSET)
    general["state_topic"] = topics.document(source.document)
    if feature.kind == "switch":
        return Component(
            platform="binary_sensor",
            value_template=template.shown(value),
            device_class=feature.quantity or UNSET,
            payload_on=_TRUE,
            payload_off=_FALSE,
            **general,
        )
    if feature.kind == "choice":
        return Component(
            platform="sensor",
            value_template=template.labelled(value, feature.unit),
            device_class="enum",
            options=_labels(feature),
            **general,
        )
    if feature.kind in ("integer", "number"):
        return _measurement(feature, value, general)
    return Component(
        platform="sensor",
        value_template=template.shown(value),
        device_class=feature.quantity or UNSET,
        **general,
    )


def setting(setter: Setter, topics: Topics) -> Component | None:
    """The control that changes a setting; None where there is nothing to choose."""
    feature = setter.feature
    value = template.path_of(*setter.path)
    general = _words(feature, "config" if feature.place != "main" else UNSET)
    general["state_topic"] = topics.document(setter.document)
    general["command_topic"] = topics.command(setter.command)

    def command(value_json: str) -> str:
        return f"{setter.opening}{value_json}{setter.closing}"

    if feature.choices:
        if len(feature.choices) == 1:
            return None
        shown = (
            template.among(value, feature.choices, feature.unit)
            if setter.is_narrowed
            else template.labelled(value, feature.unit)
        )
        is_number = isinstance(feature.default, int | float)
        return Component(
            platform="select",
            options=_labels(feature),
            value_template=shown,
            command_template=command(template.chosen(feature.unit, is_number=is_number)),
            **general,
        )
    if feature.kind == "switch":
        return Component(
            platform="switch",
            value_template=template.shown(value),
            state_on=_TRUE,
            state_off=_FALSE,
            payload_on=command("true"),
            payload_off=command("false"),
            **general,
        )
    if feature.kind in ("integer", "number"):
        return Component(
            platform="number",
            value_template=template.within(value, feature.minimum, feature.maximum),
            command_template=command(template.VALUE),
            device_class=feature.quantity or UNSET,
            unit_of_measurement=feature.unit or UNSET,
            min=_given(feature.minimum),
            max=_given(feature.maximum),
            step=_given(feature.step or (1 if feature.kind == "integer" else 0.1)),
            **general,
        )
    return Component(
        platform="text",
        value_template=template.shown(value),
        command_template=command("{{ value | tojson }}"),
        **general,
    )


def _measurement(feature: Feature, value: str, general: dict[str, Any]) -> Component:
    shown, unit = template.shown(value), feature.unit
    precision = 0 if feature.kind == "integer" else feature.precision
    if unit == "B":
        divisor, unit = _BYTES_SHOWN
        shown, precision = template.scaled(value, divisor), 1
    return Component(
        platform="sensor",
        value_template=shown,
        device_class=feature.quantity or UNSET,
        state_class="total_increasing" if feature.counts_up else "measurement",
        unit_of_measurement=unit or UNSET,
        suggested_display_precision=_given(precision),
        **general,
    )


def _words(feature: Feature, category: Category | UnsetType) -> dict[str, Any]:
    """What every platform has."""
    return {
        "name": feature.name,
        "icon": feature.icon or UNSET,
        "entity_category": category,
        "enabled_by_default": UNSET if feature.is_common else False,
    }


def _labels(feature: Feature) -> tuple[str, ...]:
    return tuple(template.label(choice, feature.unit) for choice in feature.choices)


def _given(value: float | None) -> Any:
    """A number that is there, always spelled alike: 100.0 is 100."""
    return UNSET if value is None else int(value) if value == int(value) else value
