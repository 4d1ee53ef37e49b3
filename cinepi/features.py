"""Facts about one setting or one reading, stated once on its field; everything else derives.

A field of a message type carries `setting(…)` or `reading(…)` in its annotation. The check of the
configuration, the command line's help, the JSON Schema and the Home Assistant entities are all
made from the `Feature` that `features_of` finds there.
"""

from collections.abc import Callable, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

Kind = Literal["integer", "number", "choice", "switch", "text", "time"]
Place = Literal["main", "settings", "diagnostic"]
"""Where a person expects it: in front, among the settings, or among the diagnostics."""

_FEATURE = "feature"
_PLAUSIBLE = "plausible"


class Feature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One setting or reading, with all that a program or a person needs to show it.

    Attributes:
        key: Stable name, as in the configuration and in messages.
        name: What people read, in sentence case: `ISO`, `Frames missed`.
        help: One sentence.
        kind: What sort of value it is.
        writable: True for a setting, False for a reading.
        minimum: Least value allowed, for numbers; in `unit`.
        maximum: Greatest value allowed, for numbers; in `unit`.
        step: Least sensible change, for numbers; in `unit`.
        unit: As Home Assistant spells it: `s`, `µs`, `°C`, `%`, `B`.
        choices: All allowed values of a choice, as text.
        default: What holds when nobody has said anything.
        place: Where it is shown.
        quantity: What is measured, as Home Assistant's device classes say it: `temperature`.
        counts_up: Whether a reading only grows, apart from restarts at zero.
        precision: Decimals that people care for; None lets the viewer choose.
        depends_on_board: Whether some boards can never tell it: then it is always None.
        icon: Material Design icon, such as `mdi:iso`; empty lets the viewer choose.
        is_common: Whether most people want to see it; the others can switch it on.
        needs_restart: Whether a change waits for the next start of the camera service.
    """

    key: str
    name: str
    help: str
    kind: Kind
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    unit: str | None = None
    choices: tuple[str, ...] = ()
    default: bool | float | str | None = None
    place: Place = "main"
    quantity: str | None = None
    counts_up: bool = False
    precision: int | None = None
    depends_on_board: bool = False
    icon: str = ""
    is_common: bool = True
    needs_restart: bool = False

    def narrowed(
        self,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        choices: Sequence[str] | None = None,
    ) -> "Feature":
        """The same feature within the limits of one piece of hardware; never wider than before.

        Choices that the feature does not have are left out, unless it was free text so far.
        """
        if choices is not None and self.choices:
            choices = [choice for choice in choices if choice in self.choices]
        return msgspec.structs.replace(
            self,
            minimum=_tightest(max, self.minimum, minimum),
            maximum=_tightest(min, self.maximum, maximum),
            choices=self.choices if choices is None else tuple(choices),
        )


def setting(
    name: str,
    help: str,  # noqa: A002 - the word that argparse and Feature use
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    step: float | None = None,
    unit: str | None = None,
    pattern: str | None = None,
    example: str | None = None,
    icon: str = "",
    quantity: str | None = None,
    place: Place = "settings",
    is_common: bool = True,
    needs_restart: bool = False,
) -> msgspec.Meta:
    """Describe a field that people may change; see `Feature` for the words.

    `pattern` is a regular expression for text, and `example` a text that fits it.
    """
    feature = Feature(
        key="",
        name=name,
        help=help,
        kind="text",
        writable=True,
        minimum=minimum,
        maximum=maximum,
        step=step,
        unit=unit,
        place=place,
        quantity=quantity,
        icon=icon,
        is_common=is_common,
        needs_restart=needs_restart,
    )
    return _meta(feature, pattern=pattern, examples=[example] if example else None)


def reading(
    name: str,
    help: str,  # noqa: A002 - the word that argparse and Feature use
    *,
    unit: str | None = None,
    icon: str = "",
    quantity: str | None = None,
    counts_up: bool = False,
    precision: int | None = None,
    depends_on_board: bool = False,
    place: Place = "diagnostic",
    is_common: bool = True,
) -> msgspec.Meta:
    """Describe a field that the device reports; see `Feature` for the words."""
    return _meta(
        Feature(
            key="",
            name=name,
            help=help,
            kind="text",
            unit=unit,
            place=place,
            quantity=quantity,
            counts_up=counts_up,
            precision=precision,
            depends_on_board=depends_on_board,
            icon=icon,
            is_common=is_common,
        )
    )


def plausible(minimum: float, maximum: float) -> msgspec.Meta:
    """Say between which values, both included, a field that hardware fills can be true.

    Nothing is refused for it: what was stored before such a range was narrowed is still read.
    """
    return msgspec.Meta(extra={_PLAUSIBLE: (minimum, maximum)})


def plausible_ranges(message: type[msgspec.Struct]) -> dict[str, tuple[float, float]]:
    """The least and greatest value that can be true of each field that says so."""
    metas = ((field.name, _annotation(field.type)[0]) for field in msgspec.structs.fields(message))
    return {
        name: meta.extra[_PLAUSIBLE]
        for name, meta in metas
        if meta is not None and meta.extra and _PLAUSIBLE in meta.extra
    }


def features_of(message: type[msgspec.Struct]) -> tuple[Feature, ...]:
    """Every described field of a message type, in the order of the type."""
    return tuple(
        feature for field in msgspec.structs.fields(message) if (feature := _feature(field))
    )


def _meta(
    feature: Feature, *, pattern: str | None = None, examples: list[str] | None = None
) -> msgspec.Meta:
    """Carry the feature in an annotation, and say to msgspec what it has words for.

    The field's name, type and default are not known here: `_feature` adds `key`, `kind`, `choices`
    and `default`.
    """
    constraints: dict[str, Any] = {"pattern": pattern} if pattern else {}
    if feature.minimum is not None:
        constraints["ge"] = feature.minimum
    if feature.maximum is not None:
        constraints["le"] = feature.maximum
    beyond_json_schema = {
        "x-unit": feature.unit,
        "x-step": feature.step,
        "x-restart": feature.needs_restart or None,
    }
    return msgspec.Meta(
        title=feature.name,
        description=feature.help,
        examples=examples,
        extra_json_schema={
            key: value for key, value in beyond_json_schema.items() if value is not None
        },
        extra={_FEATURE: feature},
        **constraints,
    )


def _feature(field: msgspec.structs.FieldInfo) -> Feature | None:
    """What the annotation of a field says, completed by what the field itself tells."""
    meta, value_type = _annotation(field.type)
    if meta is None or not meta.extra or _FEATURE not in meta.extra:
        return None
    stated: Feature = meta.extra[_FEATURE]
    kind, choices = _kind(value_type, stated.quantity)
    return msgspec.structs.replace(
        stated,
        key=field.encode_name,
        kind=kind,
        choices=choices,
        default=field.default if isinstance(field.default, bool | int | float | str) else None,
    )


def _annotation(annotated: object) -> tuple[msgspec.Meta | None, object]:
    """Take `Annotated[T, Meta]` apart, and `Annotated[T, Meta] | None` as well."""
    if get_origin(annotated) in (Union, UnionType):
        members = [member for member in get_args(annotated) if member is not type(None)]
        return _annotation(members[0])
    if get_origin(annotated) is not Annotated:
        return None, annotated
    value_type, *metas = get_args(annotated)
    return next((meta for meta in metas if isinstance(meta, msgspec.Meta)), None), value_type


def _kind(value_type: object, quantity: str | None) -> tuple[Kind, tuple[str, ...]]:
    if get_origin(value_type) in (Union, UnionType):
        value_type = next(part for part in get_args(value_type) if part is not type(None))
    if get_origin(value_type) is Literal:
        return "choice", tuple(str(choice) for choice in get_args(value_type))
    if value_type is bool:
        return "switch", ()
    if value_type is int:
        return "integer", ()
    if value_type is float:
        return "number", ()
    return ("time" if quantity == "timestamp" else "text"), ()


def _tightest(
    choose: Callable[[list[float]], float],
    general: float | None,
    special: float | None,
) -> float | None:
    known = [limit for limit in (general, special) if limit is not None]
    return choose(known) if known else None
