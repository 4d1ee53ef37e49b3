"""The one document that announces the device with all of its entities."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator

import msgspec
from msgspec import UNSET

from cinepid.discovery import derive, entities, source
from cinepid.discovery.component import (
    Availability,
    Component,
    Device,
    Document,
    Origin,
)
from cinepid.discovery.facts import Facts
from cinepid.payloads import InfoDocument

MANUFACTURER = "CinePi"
ORIGIN = "cinepid"


def build(facts: Facts) -> Document:
    """Announce everything that `facts` tell of."""
    identity = f"cinepi_{facts.info.device}"
    return Document(
        device=_device(facts, identity),
        origin=Origin(name=ORIGIN, sw_version=facts.info.version),
        availability=(
            Availability(topic=facts.topics.status, value_template="{{ value_json.state }}"),
        ),
        qos=1,  # a command that is lost on the way would be a button that does nothing
        # The platform is in the key: a setting that becomes another sort of control is another
        # component, and the old one goes.
        components={
            f"{component.platform}_{key}": _identified(component, key, facts.info, identity)
            for key, component in _components(facts)
        },
    )


def _components(facts: Facts) -> Iterator[tuple[str, Component]]:
    for key, make in _special_entities():
        yield key, make(facts)
    for reading in source.readings():
        if not reading.feature.depends_on_board or reading.key in facts.board_tells:
            yield reading.key, derive.reading(reading, facts.topics)
    for setting in source.settings(facts.camera_features):
        if (component := derive.setting(setting, facts.topics)) is not None:
            yield setting.key, component


def _special_entities() -> Iterator[tuple[str, Callable[[Facts], Component]]]:
    """Those that are no feature: one file each, whose name is the component's key."""
    for module in sorted(pkgutil.iter_modules(entities.__path__), key=lambda found: found.name):
        found = importlib.import_module(f"{entities.__name__}.{module.name}")
        yield module.name, found.component


def _identified(component: Component, key: str, info: InfoDocument, identity: str) -> Component:
    """Give a component the ids that it keeps for life; a device trigger has none."""
    if component.platform == "device_automation":
        return component
    name = component.name if isinstance(component.name, str) else ""
    object_id = _slug(f"{info.device} {name}")
    return msgspec.structs.replace(
        component,
        unique_id=f"{identity}_{key}",
        default_entity_id=f"{component.platform}.{object_id}",
    )


def _device(facts: Facts, identity: str) -> Device:
    info = facts.info
    return Device(
        identifiers=(identity,),
        name=_device_name(info),
        manufacturer=MANUFACTURER,
        model=info.model or UNSET,
        model_id=facts.camera_model or UNSET,
        serial_number=info.serial or UNSET,
        sw_version=info.version,
        suggested_area=info.area or UNSET,
    )


def _device_name(info: InfoDocument) -> str:
    """The name that people gave, else the id in readable form: `garden-cam` is `Garden cam`."""
    if info.name != info.device:
        return info.name
    words = info.device.replace("-", " ").strip()
    return words[:1].upper() + words[1:] or info.device


def _slug(text: str) -> str:
    return re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")
