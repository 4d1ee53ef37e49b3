"""The command line itself: what it says to typing mistakes, and that help is always there."""

import shlex

import pytest

from cinepid.commands._registry import commands
from cinepid.ctl.ask import BROADCAST
from cinepid.ctl.program import complete_parser, main, verb, verb_names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("snpshot",), "did you mean snapshot?"),
        (("session", "strat", "garden"), "did you mean start?"),
        (("frobnicate",), "there are call, camera, captures"),
        (("ls", "--grup", "north"), "--grup"),
        (("ping", "--timeout", "-1"), "above 0 and up to 3600, not '-1'"),
        (("ping", "--timeout", "nan"), "above 0 and up to 3600"),
        (("events", "-n", "0"), "a whole number from 1 on, not '0'"),
        (("group", "add", "Not A Group", "garden"), "a-z, 0-9 and hyphens"),
    ],
)
def test_typing_mistakes_are_explained_in_one_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what may have been meant, exit code 2, and nothing on stdout."""
    try:
        code = main((*words, "--broker", "127.0.0.1:1"))
    except SystemExit as left:
        code = int(str(left.code))
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert said in shown.err
    assert shown.err.count("\n") == 1


def test_without_arguments_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb is named, with examples and exit codes."""
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in verb_names())
    assert "examples:" in shown
    assert "exit codes:" in shown


@pytest.mark.parametrize("name", verb_names())
def test_every_verb_and_action_has_help_with_examples(name: str) -> None:
    """The first line says what stands where; each example is one that the parser takes."""
    top = complete_parser()
    parser = top.children[name]
    shown = parser.format_help()
    assert shown.startswith(f"usage: cinepictl {name} [options]")
    assert len(shown.splitlines()[0]) < 80
    assert verb(name).examples
    for example in verb(name).examples:
        assert f"  cinepictl {example}" in shown
        top.parse_args(_words(example))
    for action in parser.children.values():
        assert action.format_help().startswith(f"usage: {action.prog} [options]")


def _words(example: str) -> list[str]:
    return shlex.split(example.split("|", maxsplit=1)[0].split(">", maxsplit=1)[0])


def test_what_goes_to_all_is_what_devices_take_from_all() -> None:
    """The program knows no command of the daemon, but which of them may be sent once for all."""
    assert {name for name, command in commands().items() if command.is_broadcast} == BROADCAST
