"""`smartflow keys`: virtual keys, through a running gateway or, for the first one, in the folder of its data."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from smartflow.cli.common import FAILURE, OK, UsageError, aligned, command_parser, make_client, positive_int, print_json

if TYPE_CHECKING:
    from smartflow import VirtualKey

_ACTIONS = {
    "create": "create the key NAME; its text is printed this once",
    "list": "all keys, newest first",
    "show": "the key KEY_ID",
    "update": "change the key KEY_ID",
    "revoke": "revoke the key KEY_ID for good",
}
_PERIODS = ("daily", "weekly", "monthly", "lifetime")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_HEADER = ("KEY ID", "NAME", "STATUS", "ADMIN", "SPENT USD", "BUDGET USD", "PERIOD", "RPM", "TPM", "EXPIRES")
_NUMBERS = (4, 5, 7, 8)
_LIMITS = (
    "user_id",
    "team_id",
    "budget_usd",
    "budget_period",
    "rpm_limit",
    "tpm_limit",
    "allowed_models",
    "compliance_mode",
    "expires_at",
)
_MODES = ("off", "log", "redact", "block")
_PAGE = 1000


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser("keys", "Creates, shows, changes and revokes virtual keys. Needs an admin key.")
    lines = "\n".join(f"  {name:<10}{text}" for name, text in _ACTIONS.items())
    parser.epilog = f"actions:\n{lines}\n\n{parser.epilog}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("action", choices=tuple(_ACTIONS), metavar="ACTION", help="what to do, see below")
    parser.add_argument("subject", nargs="?", metavar="NAME|KEY_ID", help="the name of a new key, or the id of one")
    parser.add_argument("--admin", action="store_true", help="create: the key may manage keys and routing")
    parser.add_argument("--name", help="update: another name")
    parser.add_argument("--user-id", metavar="ID", help="the user that the key stands for")
    parser.add_argument("--team-id", metavar="ID", help="the team that it belongs to")
    parser.add_argument("--budget-usd", type=_amount, metavar="USD", help="the most that it may spend in one period")
    parser.add_argument("--budget-period", choices=_PERIODS, help="how long a budget lasts (default: lifetime)")
    parser.add_argument("--rpm", dest="rpm_limit", type=positive_int, metavar="N", help="requests a minute")
    parser.add_argument("--tpm", dest="tpm_limit", type=positive_int, metavar="N", help="tokens a minute")
    parser.add_argument(
        "--allow-model", dest="allowed_models", action="append", metavar="MODEL",
        help="a model that it may call, such as gpt-4o, gpt-4o* or anthropic/*; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--compliance",
        dest="compliance_mode",
        choices=_MODES,
        help="the least that the proxy does about sensitive text",
    )
    parser.add_argument(
        "--expires", dest="expires_at", type=_moment, metavar="WHEN", help="30m, 12h, 90d or an ISO-8601 time with zone"
    )
    parser.add_argument(
        "--clear", action="append", default=[], choices=sorted(set(_LIMITS) - {"budget_period"}), metavar="LIMIT",
        help="update: take a limit away, such as budget_usd; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR",
        help="create: write into the data of a gateway on this machine, as for its first admin key",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(options: argparse.Namespace) -> int:
    """Carry out one action; returns the exit status."""
    if (options.subject is None) != (options.action == "list"):
        wanted = {"list": "no argument", "create": "the NAME of the new key"}.get(options.action, "a KEY_ID")
        raise UsageError(f"{options.action} takes {wanted}")
    _check_options(options)
    actions: Dict[str, Callable[[argparse.Namespace], int]] = {
        "create": _create, "list": _list, "show": _show, "update": _update, "revoke": _revoke,
    }  # fmt: skip
    return actions[options.action](options)


def _check_options(options: argparse.Namespace) -> None:
    allowed = {"create": {"admin", "data_dir", *_LIMITS}, "update": {"name", "clear", *_LIMITS}}.get(
        options.action, set()
    )
    for name in ("admin", "name", "clear", "data_dir", *_LIMITS):
        if getattr(options, name) and name not in allowed:
            raise UsageError(f"{options.action} does not take the option for {name}")


def _create(options: argparse.Namespace) -> int:
    limits = _limits(options)
    if options.data_dir is not None:
        record = _create_in_store(options, limits)
    else:
        with make_client(options) as sf:
            record = sf.create_virtual_key(options.subject, admin=options.admin, **limits).to_dict()
    if options.json:
        print_json(record)
        return OK
    # The text alone goes to standard output, so that a script can catch it.
    print(f"{record['key_id']}: keep the key, it is not shown again", file=sys.stderr)
    print(record["key"])
    return OK


def _create_in_store(options: argparse.Namespace, limits: Dict[str, Any]) -> Dict[str, Any]:
    """Make a key without a gateway, or beside a running one; who can write into its folder is its master anyway."""
    if sys.version_info < (3, 11):
        raise UsageError("--data-dir needs Python 3.11 or newer, as the gateway does")
    from smartflow.gateway.keys.store import KeyRefused, create_in_store

    wanted = {"name": options.subject, "admin": options.admin, **limits}
    try:
        found: Dict[str, Any] = create_in_store(options.data_dir.expanduser(), wanted)
    except KeyRefused as error:
        raise UsageError(str(error)) from None
    return found


def _list(options: argparse.Namespace) -> int:
    keys: List[VirtualKey] = []
    with make_client(options) as sf:
        while True:
            page = sf.list_virtual_keys(_PAGE, len(keys))
            keys += page
            if len(page) < _PAGE:
                break
    if options.json:
        print_json([_shown(key) for key in keys])
    elif keys:
        print(*aligned([_cells(key) for key in keys], _HEADER, numbers=_NUMBERS), sep="\n")
    else:
        print("no keys")
    return OK


def _show(options: argparse.Namespace) -> int:
    with make_client(options) as sf:
        return _print(sf.get_virtual_key(options.subject), options)


def _update(options: argparse.Namespace) -> int:
    changes = _limits(options)
    if not changes and not options.clear and options.name is None:
        raise UsageError("update needs at least one thing to change, such as --budget-usd 50 or --clear rpm_limit")
    with make_client(options) as sf:
        key = sf.update_virtual_key(options.subject, clear=options.clear, name=options.name, **changes)
        return _print(key, options)


def _revoke(options: argparse.Namespace) -> int:
    with make_client(options) as sf:
        return _print(sf.revoke_virtual_key(options.subject), options)


def _limits(options: argparse.Namespace) -> Dict[str, Any]:
    return {name: getattr(options, name) for name in _LIMITS if getattr(options, name) is not None}


def _print(key: VirtualKey, options: argparse.Namespace) -> int:
    record = _shown(key)
    if options.json:
        print_json(record)
    else:
        print(*aligned([(name, _text(value)) for name, value in record.items()]), sep="\n")
    return OK if record["key_id"] else FAILURE


def _shown(key: VirtualKey) -> Dict[str, Any]:
    record = key.to_dict()
    # Only the answer to a creation has the text.
    record.pop("key", None)
    return record


def _cells(key: VirtualKey) -> List[str]:
    return [
        key.key_id, key.name, key.status, "yes" if key.admin else "-", f"{key.spent_usd:.6f}", _text(key.budget_usd),
        key.budget_period if key.budget_usd is not None else "-", _text(key.rpm_limit), _text(key.tpm_limit),
        (key.expires_at or "-")[:16],
    ]  # fmt: skip


def _text(value: Any) -> str:
    if value is None or value == {}:
        return "-"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount <= 1e6:
        raise argparse.ArgumentTypeError(f"must be US dollars from 0 to 1000000, not {text!r}")
    return amount


def _moment(text: str) -> datetime:
    span = re.fullmatch(r"([1-9][0-9]{0,6})([mhd])", text)
    try:
        if span:
            return datetime.now(timezone.utc) + timedelta(**{_UNITS[span[2]]: int(span[1])})
        moment: Optional[datetime] = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text))
    except (ValueError, OverflowError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"must be like 30m, 12h, 90d or 2027-01-01T00:00:00Z, not {text!r}")
    return moment
