"""What a command line says in the end: who failed, who was silent, and how to say it again."""

import pytest

from cinepid.ctl.ask import Command, Outcome, Reply
from cinepid.ctl.documents import Answer, AnswerError
from cinepid.ctl.output import Output
from cinepid.ctl.verdict import Again, sum_up


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


def test_what_would_fail_again_is_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    """Only devices that may do it another time are named."""
    outcome = Outcome(Command("camera/set"), expected=())
    for device, code in {"roof": "invalid_argument", "shed": "busy"}.items():
        answer = Answer(id="1", success=False, error=AnswerError(code=code))
        outcome.replies[device] = Reply(device, answer, after=0.1)
    sum_up(Output(is_json=False), outcome, Again(["camera", "set", "iso=9000"]), width=4)
    again = "again for those that failed: cinepictl camera set iso=9000 shed\n"
    assert capsys.readouterr().err == again
