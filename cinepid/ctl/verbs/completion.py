"""completion: a script that teaches the shell our words and the names of devices."""

import argparse
import os
import sys

from cinepid.ctl import cache
from cinepid.ctl.errors import OK
from cinepid.ctl.program import PROGRAM, Parser, Verb, complete_parser

_BASH = """\
_cinepictl() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" verb="" action="" at="" each
    for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$each" in -*) ;; *)
            if [ -z "$verb" ]; then verb="$each"; elif [ -z "$action" ]; then action="$each"; fi ;;
        esac
    done
    case "$verb $action" in
{cases}
        *) at="{verbs}" ;;
    esac
    case "$word" in
        -*) at="$at {options}" ;;
        *) [ -z "$verb" ] || [ ! -r "{names}" ] || at="$at $(cat "{names}")" ;;
    esac
    COMPREPLY=($(compgen -W "$at" -- "$word"))
}}
complete -o default -F _cinepictl {program}
"""
_ZSH = "autoload -U +X bashcompinit && bashcompinit\n" + _BASH
_FISH_NAMES = (
    'complete -c {program} -f -n "not __fish_use_subcommand" -a "(cat {names} 2>/dev/null)"'
)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


async def _run(options: argparse.Namespace) -> int:
    words = _words(complete_parser())
    names = str(cache.path(os.environ))
    if options.shell == "fish":
        sys.stdout.write(_fish(words, names))
        return OK
    common = sorted({option for _, options_ in words.values() for option in options_})
    cases = [
        f'        "{verb} "*) at="{" ".join((*actions, *own))}" ;;'
        for verb, (actions, own) in words.items()
    ]
    template = _ZSH if options.shell == "zsh" else _BASH
    sys.stdout.write(
        template.format(
            cases="\n".join(cases),
            verbs=" ".join(words),
            options=" ".join(common),
            names=names,
            program=PROGRAM,
        )
    )
    return OK


def _fish(words: dict[str, tuple[list[str], list[str]]], names: str) -> str:
    lines = [f"complete -c {PROGRAM} -f"]
    for verb, (actions, options) in words.items():
        lines.append(f'complete -c {PROGRAM} -n __fish_use_subcommand -a "{verb}"')
        seen = f'-n "__fish_seen_subcommand_from {verb}"'
        lines += [f'complete -c {PROGRAM} {seen} -a "{action}"' for action in actions]
        lines += [
            f"complete -c {PROGRAM} {seen} -l {option.removeprefix('--')}"
            for option in options
            if option.startswith("--")
        ]
    lines.append(_FISH_NAMES.format(program=PROGRAM, names=names))
    return "\n".join(lines) + "\n"


def _words(parser: Parser) -> dict[str, tuple[list[str], list[str]]]:
    """Verbs, each with its actions and options."""
    found = {}
    for verb, options in parser.children.items():
        flags = options.flags()
        for action in options.children.values():
            flags |= action.flags()
        found[verb] = (sorted(options.children), sorted(flags))
    return found


VERB = Verb(
    help="print a completion script for a shell",
    run=_run,
    add_options=_options,
    examples=(
        "completion bash > ~/.local/share/bash-completion/completions/cinepictl",
        "completion zsh > ~/.zfunc/_cinepictl",
        "completion fish > ~/.config/fish/completions/cinepictl.fish",
    ),
)
