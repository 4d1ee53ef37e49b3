"""One line of what `cinepid check` reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        is_good: Whether all is well.
        what: What was looked at, and what was found.
        advice: What to do about it; empty where all is well.
        is_fatal: Whether the daemon cannot do its work so.
    """

    is_good: bool
    what: str
    advice: str = ""
    is_fatal: bool = True


def good(what: str) -> Finding:
    """Say that it is well."""
    return Finding(is_good=True, what=what)


def wrong(what: str, advice: str) -> Finding:
    """Say what keeps the daemon from its work."""
    return Finding(is_good=False, what=what, advice=advice)


def doubtful(what: str, advice: str) -> Finding:
    """Say what the daemon can work with, but should not have to."""
    return Finding(is_good=False, what=what, advice=advice, is_fatal=False)
