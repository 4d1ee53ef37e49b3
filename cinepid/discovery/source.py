"""Where features come from: documents with readings, and settings with the command that sets them.

A new reading in one of `DOCUMENTS`, or a new setting in one of `SECTIONS` or of the camera, is an
entity without another edit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import msgspec

from cinepi.features import Feature, features_of
from cinepi.model.documents import CameraDocument, CaptureDocument, SessionDocument
from cinepi.model.settings import CaptureSettings, Section, SystemSettings
from cinepid.health import HealthDocument
from cinepid.payloads import StatusDocument

DOCUMENTS: dict[str, type[msgspec.Struct]] = {
    "session": SessionDocument,
    "capture": CaptureDocument,
    "camera": CameraDocument,
    "health": HealthDocument,
    "status": StatusDocument,
}
"""Retained documents whose readings are shown, by the name in their topic."""

SECTIONS: dict[str, type[Section]] = {"capture": CaptureSettings, "system": SystemSettings}
"""Sections of the configuration whose settings are the same for every camera."""


@dataclass(frozen=True, slots=True)
class Source:
    """A feature, and where its value is.

    Attributes:
        key: Stable and unique on the device: the component's key.
        document: The retained document that holds the value.
        path: Keys from the top of the document to the value.
        feature: What is known about it.
    """

    key: str
    document: str
    path: tuple[str, ...]
    feature: Feature


@dataclass(frozen=True, slots=True)
class Setter(Source):
    """A setting: a source with the command that changes it.

    Attributes:
        command: The verb.
        opening: What goes before the value in the command's JSON.
        closing: What goes after it.
        is_narrowed: Whether the range is that of one camera and can change.
    """

    command: str
    opening: str
    closing: str
    is_narrowed: bool


def readings() -> Iterator[Source]:
    """Every reading of every document, those of nested documents too."""
    for document, message in DOCUMENTS.items():
        for path, feature in _walk(message, ()):
            yield Source("_".join((document, *path)), document, path, feature)


def settings(camera_features: tuple[Feature, ...]) -> Iterator[Setter]:
    """Every setting: the camera's as it offers them, and the general ones."""
    for feature in camera_features:
        yield Setter(
            f"camera_{feature.key}",
            "camera",
            ("settings", feature.key),
            feature,
            "camera/set",
            f'{{"{feature.key}":',
            "}",
            is_narrowed=True,
        )
    for section, message in SECTIONS.items():
        for feature in features_of(message):
            yield Setter(
                f"{section}_{feature.key}",
                "config",
                ("effective", section, feature.key),
                feature,
                "config/patch",
                f'{{"patch":{{"{section}":{{"{feature.key}":',
                "}}}",
                is_narrowed=False,
            )


def value_at(document: object, path: tuple[str, ...]) -> object:
    """The value of a reading in a document; None where a part of the way is missing."""
    for key in path:
        document = getattr(document, key, None)
    return document


def _walk(
    message: type[msgspec.Struct], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Feature]]:
    described = {feature.key: feature for feature in features_of(message)}
    for field in msgspec.structs.fields(message):
        feature = described.get(field.encode_name)
        nested = _document_type(field.type)
        if feature is not None and not feature.writable:
            yield (*above, feature.key), feature
        elif nested is not None:
            yield from _walk(nested, (*above, field.encode_name))


def _document_type(value_type: object) -> type[msgspec.Struct] | None:
    """The message type of a field that holds one, optional or not."""
    if get_origin(value_type) is Annotated:
        return _document_type(get_args(value_type)[0])
    if get_origin(value_type) in (Union, UnionType):
        kinds = [kind for kind in get_args(value_type) if kind is not type(None)]
        return _document_type(kinds[0]) if len(kinds) == 1 else None
    if isinstance(value_type, type) and issubclass(value_type, msgspec.Struct):
        return value_type
    return None
