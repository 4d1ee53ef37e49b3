"""Templates, in Home Assistant's Jinja, that read our documents and write our commands."""

from collections.abc import Sequence

VALUE = "{{ value }}"


def path_of(*keys: str) -> str:
    """The expression for a value inside a JSON document."""
    # `count` and its like would be found as methods of the dict before they are found as keys.
    steps = (f"['{key}']" if hasattr(dict, key) else f".{key}" for key in keys)
    return "value_json" + "".join(steps)


def shown(expression: str) -> str:
    """Show a value as it is; one that is None becomes `unknown`."""
    return f"{{{{ {expression} }}}}"


def number_text(value: float) -> str:
    """Spell a number without needless digits: 100, 0.05, 600000000."""
    return format(value, ".12g")


def within(expression: str, minimum: float | None, maximum: float | None) -> str:
    """The value, whole numbers without a decimal point; None outside the range.

    Home Assistant logs an error for a number outside the range, which happens for a moment when a
    camera with other ranges has been connected.
    """
    low = "" if minimum is None else f"{number_text(minimum)} <= "
    high = "" if maximum is None else f" <= {number_text(maximum)}"
    bounds = f" and {low}v{high}" if low or high else ""
    return (
        f"{{% set v = {expression} %}}"
        f"{{{{ (v | int if v == v | int else v) if v is number{bounds} else None }}}}"
    )


def scaled(expression: str, divisor: float) -> str:
    """A number in a larger unit, with three decimals; None stays None."""
    return (
        f"{{% set v = {expression} %}}"
        f"{{{{ (v / {number_text(divisor)}) | round(3) if v is number else None }}}}"
    )


def label(choice: str, unit: str | None) -> str:
    """How people read a choice: `high_quality` is `High quality`, 180 with its unit `180°`."""
    return choice.replace("_", " ").capitalize() + (unit or "")


def labelled(expression: str, unit: str | None) -> str:
    """The same as `label`, said in a template; None stays None."""
    words = f"{expression} | string | replace('_', ' ') | capitalize"
    return f"{{{{ {words}{f' ~ {unit!r}' if unit else ''} }}}}"


def among(expression: str, choices: Sequence[str], unit: str | None) -> str:
    """The label of a choice, or None for one that is not among `choices`; see `within`."""
    known = ", ".join(repr(choice) for choice in choices)
    words = "v | replace('_', ' ') | capitalize"
    suffix = f" ~ {unit!r}" if unit else ""
    return (
        f"{{% set v = {expression} | string %}}"
        f"{{{{ {words}{suffix} if v in [{known}] else None }}}}"
    )


def chosen(unit: str | None, *, is_number: bool) -> str:
    """The choice that a label stands for, as JSON."""
    if is_number:
        return f"{{{{ value | replace({unit!r}, '') }}}}" if unit else VALUE
    return "\"{{ value | lower | replace(' ', '_') }}\""
