"""What the device says by itself: each topic, what it carries, and how it is sent."""

from dataclasses import dataclass

import msgspec

from cinepi.logs.entry import SEVERITY
from cinepi.model.documents import CameraState, CaptureDocument, ConfigDocument, SessionDocument
from cinepi.model.events import EVENT_TYPES, event_type
from cinepid.contract.words import words_of
from cinepid.health import HealthDocument
from cinepid.payloads import EventMessage, Gap, InfoDocument, LogMessage, Stamp, StatusDocument
from cinepid.topics import Topics

DEVICE = "{device}"
"""Stands for the device's id in a topic."""
LEVEL = "{level}"
"""Stands for a log level."""
LEVELS = tuple(SEVERITY)
TOPICS = Topics(DEVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One topic of the device's own.

    Attributes:
        name: Of the message, stable.
        topic: With `DEVICE` for the device.
        summary: One sentence.
        parts: Message types whose keys make up the payload; empty for bytes.
        retain: Whether the broker keeps the newest.
        qos: Quality of service.
        content_type: MIME type.
    """

    name: str
    topic: str
    summary: str
    parts: tuple[type[msgspec.Struct], ...] = ()
    retain: bool = True
    qos: int = 1
    content_type: str = "application/json"


def _document(name: str, message: type[msgspec.Struct]) -> Said:
    return Said(
        name=name,
        topic=TOPICS.document(name),
        summary=words_of(message).summary,
        parts=(Stamp, message),
    )


def _event(message: type[msgspec.Struct]) -> Said:
    return Said(
        name=event_type(message),
        topic=TOPICS.event(event_type(message)),
        summary=words_of(message).summary,
        parts=(EventMessage, message),
        retain=False,
    )


DOCUMENTS = (
    Said(
        name="status",
        topic=TOPICS.status,
        summary=words_of(StatusDocument).summary,
        parts=(StatusDocument,),
    ),
    _document("info", InfoDocument),
    _document("session", SessionDocument),
    _document("camera", CameraState),
    _document("config", ConfigDocument),
    Said(
        name="config_schema",
        topic=TOPICS.document("config", "schema"),
        summary="What a configuration may hold, as JSON Schema (draft 2020-12) behind the stamp.",
        parts=(Stamp,),
    ),
    _document("health", HealthDocument),
    _document("capture", CaptureDocument),
    Said(
        name="image",
        topic=TOPICS.image,
        summary="Preview of the newest picture, at most 100 KB, at most two a second.",
        content_type="image/jpeg",
    ),
)
EVENTS = (*map(_event, EVENT_TYPES), _event(Gap))
LOG = Said(
    name="log",
    topic=TOPICS.log(LEVEL),
    summary=words_of(LogMessage).summary,
    parts=(LogMessage,),
    retain=False,
    qos=0,
)
SAID = (*DOCUMENTS, *EVENTS, LOG)
