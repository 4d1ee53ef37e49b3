"""The state table: single values that change together with events and captures."""

from cinepi.journal.database import Database, Work

SESSION_KEY = "journal.session"
ASIDE_KEY = "journal.session.aside"
"""A saved session that this version does not understand: a newer one may have written it."""
RUNNING_KEY = "journal.running"
"""There while a service has the journal open; found at the start, it says that one crashed."""
IDENTITY_KEY = "journal.identity"
"""Made with the database, and inherited by the one that follows a damaged one."""

_USER_PREFIX = "value."


def user_key(key: str) -> str:
    """The key under which a caller's `key` is kept, clear of the journal's own."""
    return _USER_PREFIX + key


def callers_key(key: str) -> str:
    """The `key` of which `user_key` made this one."""
    return key.removeprefix(_USER_PREFIX)


def get(database: Database, key: str) -> bytes | None:
    """One value; None if it was never written."""
    rows = database.rows("SELECT value FROM state WHERE key = ?", (key,))
    return rows[0][0] if rows else None


def with_prefix(database: Database, prefix: str) -> dict[str, bytes]:
    """All values whose keys begin so."""
    rows = database.rows(
        "SELECT key, value FROM state WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
    )
    return dict(rows)


def put(work: Work, key: str, value: bytes) -> None:
    """Write one value."""
    work.run(
        "INSERT INTO state (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def drop(work: Work, key: str) -> None:
    """Forget one value."""
    work.run("DELETE FROM state WHERE key = ?", (key,))
