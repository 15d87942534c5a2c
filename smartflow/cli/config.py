"""`smartflow config`: shows where each setting comes from, and changes the configuration file."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any, Callable, Dict, Optional

from smartflow.cli.common import FAILURE, OK, UsageError, aligned, command_parser, print_json, read_text

_FORMS = {
    "explain": (0, 0, "every setting, its value (keys masked) and where it came from"),
    "get": (1, 1, "the value of the setting NAME; status 1 when nothing sets it"),
    "set": (1, 2, "write NAME into the file; a key comes from standard input or a hidden prompt, not as VALUE"),
    "unset": (1, 1, "remove NAME from the file"),
    "path": (0, 0, "the path of the file"),
    "profiles": (0, 0, "the profiles of the file"),
}


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser("config", "Shows the settings, and changes the configuration file.", connects=False)
    lines = "\n".join(f"  {name:<10}{text}" for name, (_, _, text) in _FORMS.items())
    parser.epilog = f"actions:\n{lines}\n\n{parser.epilog}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("action", choices=tuple(_FORMS), metavar="ACTION", help="what to do, see below")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a setting, for example gateway_url")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="its new value")
    parser.add_argument("--profile", metavar="NAME", help="the profile to show or to change")
    parser.add_argument("--json", action="store_true", help="print JSON (explain, get, path, profiles)")
    return parser


def run(options: argparse.Namespace) -> int:
    """Carry out one action; returns the exit status."""
    least, most, _ = _FORMS[options.action]
    given = sum(each is not None for each in (options.name, options.value))
    if not least <= given <= most:
        wanted = "no NAME" if most == 0 else "one NAME" if most == 1 else "NAME and VALUE"
        raise UsageError(f"{options.action} takes {wanted}")
    actions: Dict[str, Callable[[argparse.Namespace], int]] = {
        "explain": _explain, "get": _get, "set": _set, "unset": _unset, "path": _path, "profiles": _profiles,
    }  # fmt: skip
    return actions[options.action](options)


def _explain(options: argparse.Namespace) -> int:
    from smartflow.config import explain

    rows = explain(options.profile)
    if options.json:
        print_json([{"name": row.name, "value": row.value, "source": row.source} for row in rows])
        return OK
    # Most providers are not configured; what nobody sets would hide the rest.
    provided = [row for row in rows if row.value]
    print(*aligned([(row.name, row.value, row.source) for row in provided], ("SETTING", "VALUE", "SOURCE")), sep="\n")
    return OK


def _get(options: argparse.Namespace) -> int:
    from smartflow.config import explain

    found = [row for row in explain(options.profile) if row.name == options.name]
    if not found:
        raise UsageError(f"there is no setting {options.name}: `smartflow config explain --json` names all of them")
    if options.json:
        print_json({"name": found[0].name, "value": found[0].value or None, "source": found[0].source})
    elif found[0].value:
        print(found[0].value)
    return OK if found[0].value else FAILURE


def _set(options: argparse.Namespace) -> int:
    if options.name.endswith("api_key"):
        if options.value not in (None, "-"):
            raise UsageError(
                "a key on the command line can be seen by others and stays in the shell's history: leave VALUE out"
            )
        value = read_key(f"{options.name} (hidden): ")
    elif options.value is None:
        raise UsageError("set takes NAME and VALUE")
    else:
        value = options.value
    return _save(options, value)


def _unset(options: argparse.Namespace) -> int:
    return _save(options, None)


def _save(options: argparse.Namespace, value: Optional[str]) -> int:
    from smartflow.config import save

    path = save({options.name: value}, options.profile)
    print(f"{options.name} {'removed from' if value is None else 'written to'} {path}")
    return OK


def _path(options: argparse.Namespace) -> int:
    from smartflow.config import config_path

    path = str(config_path())
    print_json({"path": path}) if options.json else print(path)
    return OK


def _profiles(options: argparse.Namespace) -> int:
    from smartflow.config import load_file

    file = load_file()
    default = file.default_profile.value if file.default_profile else None
    if options.json:
        print_json({"profiles": sorted(file.profiles), "default": default})
        return OK
    rows = []
    for name in sorted(file.profiles):
        url = file.profiles[name].get("gateway_url")
        rows.append((name, str(url.value) if url else "-", "default" if name == default else ""))
    print(*(aligned(rows, ("PROFILE", "GATEWAY", "")) if rows else ["no profiles"]), sep="\n")
    return OK


def read_key(prompt: str) -> str:
    """A key that is typed unseen, or piped in."""
    return (getpass.getpass(prompt) if sys.stdin.isatty() else read_text()).strip()


def given_key(options: argparse.Namespace, what: str, kept: Any, asks: bool) -> Any:
    """The key to save: from the command line, piped in, typed unseen, or the present one; None for none."""
    if options.api_key is not None:
        print(
            "smartflow configure: a key on the command line can be seen by others: better use --api-key-stdin",
            file=sys.stderr,
        )
        return options.api_key.strip() or None
    if options.api_key_stdin:
        return read_key(f"{what} (hidden): ") or None
    if not asks:
        return kept
    keeps = "Enter keeps the present one" if kept else "Enter for none"
    return read_key(f"{what} (hidden; {keeps}): ") or kept
