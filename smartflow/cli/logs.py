"""`smartflow logs`: rows of the audit log, once or as they are written."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any, Dict, Iterable, List

from smartflow.cli.common import (
    FAILURE,
    OK,
    aligned,
    command_parser,
    make_client,
    one_line,
    positive_int,
    positive_seconds,
)
from smartflow.cli.common import print_json as show_json

if TYPE_CHECKING:
    from smartflow import SyncSmartflowClient, VASLog

_HEADER = ("TIME", "PROVIDER", "MODEL", "TOKENS", "USD", "MS", "CACHE", "COMPLIANCE", "REQUEST")
_NUMBERS = (3, 4, 5)
# Rows that come later are printed below these, so their columns must not depend on what is in them.
_WIDTHS = (20, 12, 28, 7, 10, 6, 5, 10, 0)
_PAGE, _REMEMBERED = 100, 10_000
_LIMIT, _DAYS = 20, 30


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser("logs", "Shows rows of the VAS audit log, the newest last.")
    parser.add_argument(
        "--limit", type=positive_int, metavar="N", help=f"at most N rows (default: {_LIMIT}; all with --export)"
    )
    parser.add_argument("--provider", metavar="NAME", help="only rows of this provider")
    parser.add_argument("--model", metavar="NAME", help="only rows of this model")
    parser.add_argument(
        "--days", type=positive_int, metavar="N", help=f"only the last N days (default: {_DAYS}; all with --export)"
    )
    parser.add_argument("--user", metavar="ID", help="only rows of this user")
    parser.add_argument("--conversation", metavar="ID", help="only rows of this conversation")
    parser.add_argument("--status", type=positive_int, metavar="CODE", help="only rows with this HTTP status")
    parser.add_argument("--start-date", metavar="DAY", help="only rows of this day and later, such as 2026-02-01 (UTC)")
    parser.add_argument("--end-date", metavar="DAY", help="only rows of this day and earlier")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--follow", action="store_true", help="go on with new rows until Ctrl-C")
    kind.add_argument("--export", metavar="FILE", help="write the rows into FILE as JSON Lines, - is standard output")
    kind.add_argument("--verify", action="store_true", help="check that no row was changed, removed or added")
    parser.add_argument(
        "--interval",
        type=positive_seconds,
        default=2.0,
        metavar="SECONDS",
        help="how often --follow asks (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per row and line")
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the rows; returns the exit status."""
    with make_client(options) as sf:
        if options.verify:
            return _verify(sf, options)
        if options.export is not None:
            return _export(sf, options)
        limit = options.limit or _LIMIT
        rows = list(sf.iter_logs(min(_PAGE, limit), limit=limit, **_filters(options)))
        rows.reverse()
        if options.follow:
            _follow(sf, options, rows)
        elif options.json:
            _print_json(rows)
        elif rows:
            print(*aligned([_cells(row) for row in rows], _HEADER, numbers=_NUMBERS), sep="\n")
        else:
            print("no rows")
    return OK


def _filters(options: argparse.Namespace) -> Dict[str, Any]:
    names = {"user_id": "user", "conversation_id": "conversation"}
    same = ("provider", "model", "status", "start_date", "end_date")
    days = options.days if options.days or options.export is not None else _DAYS
    return {
        "days": days,
        **{name: getattr(options, name) for name in same},
        **{name: getattr(options, option) for name, option in names.items()},
    }


def _export(sf: SyncSmartflowClient, options: argparse.Namespace) -> int:
    file = sys.stdout if options.export == "-" else options.export
    count = sf.export_logs(file, limit=options.limit, **_filters(options))
    if options.export != "-":
        print(f"{count} rows written to {options.export}")
    return OK


def _verify(sf: SyncSmartflowClient, options: argparse.Namespace) -> int:
    result = sf.verify_audit_chain()
    if options.json:
        show_json(result, lines=True)
    elif result["valid"]:
        checkpoint = result["checkpoint"]
        removed = f", those up to {checkpoint['seq']} were removed by retention" if checkpoint else ""
        print(f"the audit log is intact: {result['entries_checked']} entries checked{removed}")
    else:
        print(f"the audit log is not intact: {one_line(result['problem'] or 'no reason given')}")
    return OK if result["valid"] else FAILURE


def _follow(sf: SyncSmartflowClient, options: argparse.Namespace, rows: List[VASLog]) -> None:
    seen: Dict[str, None] = {}
    if not options.json:
        print(_fixed(_HEADER), flush=True)
    while True:
        if options.json:
            _print_json(rows)
        else:
            for row in rows:
                print(_fixed(_cells(row)), flush=True)
        seen.update(dict.fromkeys(row.request_id for row in rows))
        for old in list(seen)[:-_REMEMBERED]:
            del seen[old]
        time.sleep(options.interval)
        rows = _new_rows(sf, options, seen)


def _new_rows(sf: SyncSmartflowClient, options: argparse.Namespace, seen: Dict[str, None]) -> List[VASLog]:
    """What was written since the last look, oldest first."""
    found = []
    # Without a row that was seen, as in a log that was empty, there is no end to wait for but that of the log.
    for row in sf.iter_logs(_PAGE, limit=_REMEMBERED, **_filters(options)):
        if row.request_id in seen:
            break
        found.append(row)
    return found[::-1]


def _print_json(rows: Iterable[VASLog]) -> None:
    for row in rows:
        show_json(row.to_dict(), lines=True)
    print(end="", flush=True)


def _cells(row: VASLog) -> List[str]:
    return [
        row.timestamp[:19].replace("T", " ") or "-",
        row.provider or "-",
        row.model or "-",
        str(row.tokens_used),
        f"{row.cost:.6f}",
        str(row.latency_ms),
        "hit" if row.cached else "-",
        row.compliance_status or "-",
        row.request_id or "-",
    ]


def _fixed(cells: Iterable[str]) -> str:
    shown = [one_line(cell) for cell in cells]
    return "  ".join(
        cell.rjust(width) if at in _NUMBERS else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(shown, _WIDTHS))
    ).rstrip()
