"""A configuration written from scratch: every key, with words for a person who opens the file."""

import inspect
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from textwrap import wrap

import msgspec
import yaml

from cinepi.features import Feature, features_of
from cinepi.model.settings import Config
from cinepi.strictyaml import plain

_HEADER = """\
# CinePi: the configuration of the camera service.
#
# Every setting is here, with what it does and what it may be. After an edit:
#
#     python3 -m cinepi.config validate
#
# checks the file. A running service takes an edit up within seconds. A line with a mistake sets
# nothing; the log and `health` say what is wrong. Settings can also be changed with
#
#     python3 -m cinepi.config set capture.interval=10
#
# or MQTT. Such changes are written to this file, and your comments stay. Copies of what was before
# are kept in the folder backups/.
"""
_WIDTH = 96
_WORD = re.compile(r"[A-Za-z][\w.-]*|[0-9]+x[0-9]+", re.ASCII)


def as_text(config: Config, kept: Mapping[str, object] | None = None) -> str:
    """Write a commented file that parses to `config`.

    Args:
        config: The values.
        kept: What else is to stand in it, by its pointer: unknown keys and sections, and values
            that are not understood and stay all the same.
    """
    kept = kept or {}
    names = [field.encode_name for field in msgspec.structs.fields(Config)]
    sections = [_section(name, getattr(config, name), kept) for name in names]
    strange = {path[1:]: value for path, value in kept.items() if path.count("/") == 1}
    sections += [f"\n{_entry(name, value)}\n" for name, value in strange.items()]
    return "\n".join([_HEADER, *sections])


def spelled(value: object, feature: Feature) -> str:
    """Write one value so that any YAML reads it as what it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value.is_integer() and feature.step is not None and feature.step >= 1:
            return str(int(value))
        text = format(Decimal(repr(value)), "f")  # YAML 1.1 takes 1e-05 for text
        return text if "." in text else f"{text}.0"
    if isinstance(value, str):
        # Other programs may read the file as YAML 1.1, to which `off` is false.
        is_plain = _WORD.fullmatch(value) and value == plain(value) == yaml.safe_load(value)
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return str(value)


def _section(name: str, values: msgspec.Struct, kept: Mapping[str, object]) -> str:
    heading = inspect.cleandoc(type(values).__doc__ or "").split("\n\n")[0]
    known = {feature.key: feature for feature in features_of(type(values))}
    left = {
        path.rpartition("/")[2]: value
        for path, value in kept.items()
        if path.startswith(f"/{name}/")
    }
    entries = []
    for key, feature in known.items():
        value = getattr(values, key)
        line = _entry(key, left[key]) if key in left else f"{key}: {spelled(value, feature)}"
        entries.append("\n".join([*_comment(feature), f"  {line}"]))
    entries += [f"  {_entry(key, value)}" for key, value in left.items() if key not in known]
    return f"\n# {heading}\n{name}:\n" + "\n\n".join(entries) + "\n"


def _entry(key: str, value: object) -> str:
    """A key that is not known, or whose value is not understood; JSON is YAML too."""
    name = key.replace("~1", "/").replace("~0", "~")
    name = name if _WORD.fullmatch(name) else json.dumps(name, ensure_ascii=False)
    return f"{name}: {json.dumps(value, ensure_ascii=False)}"


def _comment(feature: Feature) -> list[str]:
    default = f"default {spelled(feature.default, feature)}"
    lines = wrap(f"{feature.name}: {feature.help}", _WIDTH)
    lines += wrap("; ".join([*_allowed(feature), default]), _WIDTH)
    if feature.needs_restart:
        lines.append("A change takes effect at the next start of the service.")
    return [f"  # {line}" for line in lines]


def _allowed(feature: Feature) -> list[str]:
    unit = f" {feature.unit}" if feature.unit else ""
    if feature.choices:
        return [" | ".join(feature.choices) + unit]
    if feature.kind == "switch":
        return ["true | false"]
    if feature.minimum is None or feature.maximum is None:
        return []
    whole = "whole number, " if feature.kind == "integer" else ""
    return [f"{whole}{_figure(feature.minimum)} to {_figure(feature.maximum)}{unit}"]


def _figure(value: float) -> str:
    return f"{value:.12g}"
