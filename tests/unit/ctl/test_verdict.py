"""What a command line says in the end: who failed, who was silent, and how to say it again."""

from cinepid.ctl.verdict import Again


def test_a_repeat_names_the_devices_where_they_belong() -> None:
    """Names stand between the words of the verb and what belongs to them, quoted for the shell."""
    again = Again(["captures", "rm", "--dry-run"], rest=["a.jpg", "b c.jpg"])
    assert again.for_those(["roof"]) == "cinepictl captures rm --dry-run roof a.jpg 'b c.jpg'"


def test_a_repeat_that_must_happen_once_says_the_same_instant() -> None:
    """`+2s` would be another instant, and so another command under the same id."""
    again = Again(["snapshot", "--at", "+2s"], exactly=["snapshot", "--at", "2026-01-01T00:00:00Z"])
    assert again.for_those(["roof"]) == "cinepictl snapshot --at +2s roof"
    expected = "cinepictl snapshot --at 2026-01-01T00:00:00Z --id 7f3a roof"
    assert again.never_twice("7f3a", ["roof"]) == expected
