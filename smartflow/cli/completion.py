"""`smartflow completion`: scripts for shells, made from the parsers of the commands."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from smartflow.cli.common import OK, command_parser


class _Option(NamedTuple):
    """One option or positional argument, as a shell needs it. `words` are its names, `choices` its allowed values."""

    words: Tuple[str, ...]
    takes_value: bool
    choices: Tuple[str, ...]
    help: str


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser(
        "completion",
        'Prints a completion script: put eval "$(smartflow completion bash)" into ~/.bashrc, the same with zsh into ~/.zshrc '
        "(after compinit), or `smartflow completion fish | source` into config.fish.",
        connects=False,
    )
    parser.add_argument("shell", choices=tuple(_SCRIPTS), help="the shell")
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the script; returns the exit status."""
    print(_SCRIPTS[options.shell](), end="")
    return OK


def _commands() -> Dict[str, Tuple[str, List[_Option]]]:
    """Help and options of each command; of one that this Python cannot load, only the help."""
    from smartflow.cli.main import COMMANDS

    found = {}
    for name, (module, lowest, text) in COMMANDS.items():
        options: List[_Option] = []
        if sys.version_info >= lowest:
            try:
                options = list(_options(importlib.import_module(module).make_parser()))
            except ModuleNotFoundError as error:
                # The gateway's extra need not be installed.
                if (error.name or "").startswith("smartflow"):
                    raise
        found[name] = (text, options)
    return found


def _options(parser: argparse.ArgumentParser) -> Iterator[_Option]:
    for action in parser._actions:
        choices = tuple(map(str, action.choices or ()))
        text = (
            "" if action.help in (None, argparse.SUPPRESS) else str(action.help) % {**vars(action), "prog": parser.prog}
        )
        yield _Option(tuple(action.option_strings), action.nargs != 0, choices, text)


def _long(options: Sequence[_Option]) -> List[str]:
    return [word for option in options for word in option.words if word.startswith("--")]


def _positional_choices(options: Sequence[_Option]) -> List[str]:
    return [choice for option in options if not option.words for choice in option.choices]


def _bash() -> str:
    commands = _commands()
    cases, values = [], []
    for name, (_, options) in commands.items():
        words = " ".join([*_long(options), *_positional_choices(options)])
        cases.append(f'        {name}) words="{words}" ;;')
        for option in options:
            if option.words and option.takes_value:
                names = "|".join(f"{name}:{word}" for word in option.words)
                values.append(f'        {names}) words="{" ".join(option.choices)}"; plain=1 ;;')
    return _BASH.format(
        commands=" ".join([*commands, "--help", "--version"]), cases="\n".join(cases), values="\n".join(values)
    )


def _zsh() -> str:
    # zsh can use what bash uses; its own functions would say the same once more.
    return f"autoload -Uz bashcompinit && bashcompinit\n{_bash()}"


def _fish() -> str:
    lines = ["complete -c smartflow -f"]
    commands = _commands()
    for name, (text, options) in commands.items():
        lines.append(f"complete -c smartflow -n __fish_use_subcommand -a {name} -d {_quoted(text)}")
        there = f"-n '__fish_seen_subcommand_from {name}'"
        for option in options:
            choices = f" -a {_quoted(' '.join(option.choices))}" if option.choices else ""
            if not option.words:
                lines.append(f"complete -c smartflow {there}{choices or ' -F'}")
                continue
            names = "".join(f" -l {word[2:]}" if word.startswith("--") else f" -s {word[1:]}" for word in option.words)
            value = (" -x" if choices else " -r -F") if option.takes_value else ""
            lines.append(f"complete -c smartflow {there}{names}{value}{choices} -d {_quoted(option.help)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_BASH = """\
_smartflow() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="${{COMP_WORDS[1]}}" words="" plain=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$current"))
        return
    fi
    case "$command" in
{cases}
    esac
    case "$command:$before" in
{values}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    # What has no list of words may be a file.
    if [ "${{#COMPREPLY[@]}}" -eq 0 ] && {{ [ -z "$plain" ] || [ -z "$words" ]; }}; then
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -F _smartflow smartflow
"""
_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
