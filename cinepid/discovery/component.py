"""The discovery document of Home Assistant, as types; the names are Home Assistant's own.

A key that is not given must be absent: `null` is a value to Home Assistant, and mostly a wrong one.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

Category = Literal["config", "diagnostic"]


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One entity, or one device trigger; each platform knows some of the keys.

    `unique_id` and `default_entity_id` follow from the component's key: `document` adds them.
    """

    platform: str
    unique_id: str | UnsetType = UNSET
    default_entity_id: str | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    icon: str | UnsetType = UNSET
    entity_category: Category | UnsetType = UNSET
    enabled_by_default: bool | UnsetType = UNSET
    device_class: str | UnsetType = UNSET
    state_class: Literal["measurement", "total_increasing"] | UnsetType = UNSET
    unit_of_measurement: str | UnsetType = UNSET
    suggested_display_precision: int | UnsetType = UNSET

    state_topic: str | UnsetType = UNSET
    value_template: str | UnsetType = UNSET
    expire_after: int | UnsetType = UNSET
    json_attributes_topic: str | UnsetType = UNSET
    json_attributes_template: str | UnsetType = UNSET
    topic: str | UnsetType = UNSET
    image_topic: str | UnsetType = UNSET

    command_topic: str | UnsetType = UNSET
    command_template: str | UnsetType = UNSET
    payload_on: str | UnsetType = UNSET
    payload_off: str | UnsetType = UNSET
    payload_press: str | UnsetType = UNSET
    state_on: str | UnsetType = UNSET
    state_off: str | UnsetType = UNSET

    options: tuple[str, ...] | UnsetType = UNSET
    event_types: tuple[str, ...] | UnsetType = UNSET
    min: float | UnsetType = UNSET
    max: float | UnsetType = UNSET
    step: float | UnsetType = UNSET

    automation_type: Literal["trigger"] | UnsetType = UNSET
    type: str | UnsetType = UNSET
    subtype: str | UnsetType = UNSET


class Gone(msgspec.Struct, frozen=True):
    """A component that is there no more: Home Assistant removes what has only a platform."""

    platform: str


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The device that all components belong to."""

    identifiers: tuple[str, ...]
    name: str
    manufacturer: str
    model: str | UnsetType = UNSET
    model_id: str | UnsetType = UNSET
    serial_number: str | UnsetType = UNSET
    sw_version: str | UnsetType = UNSET
    suggested_area: str | UnsetType = UNSET


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who announces it."""

    name: str
    sw_version: str


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """Where to see whether the device is there."""

    topic: str
    value_template: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The whole device; `availability` and `qos` hold for every component."""

    device: Device
    origin: Origin
    availability: tuple[Availability, ...]
    qos: int
    components: dict[str, Component | Gone]

    def encoded(self) -> bytes:
        """As it goes over the wire; equal documents are equal bytes."""
        return msgspec.json.encode(self)
