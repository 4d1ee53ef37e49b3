"""completion: a script that teaches the shell our words and the names of devices."""

import argparse
import os
import sys

from cinepid.ctl import cache
from cinepid.ctl.errors import OK
from cinepid.ctl.program import PROGRAM, Parser, Verb, complete_parser

_BASH = """\
_cinepictl() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" verb="" action="" at="" own="{options}" before="" each
    local valued=" {valued} "
    for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$each" in -*) ;; *)
            case "$valued" in *" ${{before:-none}} "*) ;; *)
                if [ -z "$verb" ]; then verb="$each"; elif [ -z "$action" ]; then action="$each"; fi
            esac ;;
        esac
        before="$each"
    done
    case "$valued" in *" ${{before:-none}} "*) COMPREPLY=(); return ;; esac
    case "$verb $action" in
{cases}
        *) at="{verbs}" ;;
    esac
    case "$word" in
        -*) at="$own" ;;
        *) [ -z "$verb" ] || [ ! -r "{names}" ] || at="$at $(cat "{names}")" ;;
    esac
    COMPREPLY=($(compgen -W "$at" -- "$word"))
}}
complete -o default -F _cinepictl {program}
"""
_ZSH = """\
#compdef {program}
_cinepictl() {{
    local each before verb action at own="{options}" valued=" {valued} "
    for each in "${{(@)words[2,CURRENT-1]}}"; do
        if [[ $each != -* && $valued != *" ${{before:-none}} "* ]]; then
            if [[ -z $verb ]]; then verb=$each; elif [[ -z $action ]]; then action=$each; fi
        fi
        before=$each
    done
    if [[ $valued == *" ${{before:-none}} "* ]]; then _files; return; fi
    case "$verb $action" in
{cases}
        *) at="{verbs}" ;;
    esac
    if [[ $PREFIX == -* ]]; then compadd -- ${{=own}}; return; fi
    compadd -- ${{=at}}
    if [[ -n $verb && -r "{names}" ]]; then compadd -- ${{(f)"$(<{names})"}}; fi
}}
if [[ $funcstack[1] == _cinepictl ]]; then _cinepictl "$@"; else compdef _cinepictl {program}; fi
"""
_FISH_NAMES = (
    'complete -c {program} -f -n "not __fish_use_subcommand" -a "(cat {names} 2>/dev/null)"'
)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


async def _run(options: argparse.Namespace) -> int:
    parser = complete_parser()
    words, valued = _words(parser), _valued(parser)
    names = str(cache.path(os.environ))
    if options.shell == "fish":
        sys.stdout.write(_fish(words, valued, names))
        return OK
    cases = [
        f'        "{verb} "*) at="{" ".join(actions)}" own="{" ".join(own)}" ;;'
        for verb, (actions, own) in words.items()
    ]
    template = _ZSH if options.shell == "zsh" else _BASH
    sys.stdout.write(
        template.format(
            cases="\n".join(cases),
            verbs=" ".join(words),
            options=" ".join(sorted(parser.flags())),
            names=names,
            valued=" ".join(sorted(valued)),
            program=PROGRAM,
        )
    )
    return OK


def _fish(words: dict[str, tuple[list[str], list[str]]], valued: set[str], names: str) -> str:
    lines = [f"complete -c {PROGRAM} -f"]
    for verb, (actions, options) in words.items():
        lines.append(f'complete -c {PROGRAM} -n __fish_use_subcommand -a "{verb}"')
        seen = f'-n "__fish_seen_subcommand_from {verb}"'
        lines += [f'complete -c {PROGRAM} {seen} -a "{action}"' for action in actions]
        lines += [
            f"complete -c {PROGRAM} {seen} -l {option[2:]}{' -r' if option in valued else ''}"
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


def _valued(parser: Parser) -> set[str]:
    """Options that a value follows, of all verbs and actions."""
    found = parser.flags(with_value=True)
    for child in parser.children.values():
        found |= _valued(child)
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
