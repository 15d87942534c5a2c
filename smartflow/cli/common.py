"""What all commands share: their common options, the client they use, and how they read and print."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

if TYPE_CHECKING:
    from smartflow import SyncSmartflowClient

__all__ = [
    "FAILURE",
    "INTERRUPTED",
    "OK",
    "USAGE",
    "UsageError",
    "aligned",
    "command_parser",
    "for_terminal",
    "make_client",
    "one_line",
    "positive_int",
    "positive_seconds",
    "print_json",
    "read_text",
]

OK, FAILURE, USAGE, INTERRUPTED = 0, 1, 2, 130
# Without these no text that came over the network can move the cursor or write into a terminal's title.
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_STATUSES = (
    "exit status: 0 done, 1 the call failed or a service cannot be reached, 2 wrong usage or settings, 130 Ctrl-C"
)


class UsageError(Exception):
    """The command line cannot be carried out; the message says what to give instead."""


def command_parser(name: str, description: str, *, connects: bool = True) -> argparse.ArgumentParser:
    """The parser of one command; with the options that lead to a gateway where it connects to one."""
    parser = argparse.ArgumentParser(
        prog=f"smartflow {name}",
        description=description,
        epilog=_STATUSES,
    )
    if connects:
        parser.add_argument("--gateway-url", metavar="URL", help="the gateway's proxy (default: as configured)")
        parser.add_argument("--profile", metavar="NAME", help="the profile of the configuration file to use")
        parser.add_argument(
            "--timeout", type=positive_seconds, metavar="SECONDS", help="limit of each call, in seconds"
        )
    return parser


def make_client(options: argparse.Namespace) -> SyncSmartflowClient:
    """A client of the gateway that the options, or else the settings, name."""
    from smartflow import SyncSmartflowClient

    arguments: Dict[str, Any] = {"base_url": options.gateway_url, "profile": options.profile}
    if options.timeout is not None:
        arguments["timeout"] = options.timeout
    return SyncSmartflowClient(**arguments)


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return number


def positive_seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text!r}")
    return number


def read_text(file: Optional[str] = None) -> str:
    """The whole text of a file, or of standard input when there is none or it is `-`; its line ends stay as they are."""
    if file is None or file == "-":
        name, data = "standard input", sys.stdin.buffer.read()
    else:
        name = file
        with open(file, "rb") as opened:
            data = opened.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8 text") from None


def print_json(value: Any, *, lines: bool = False) -> None:
    """Print a value as JSON: indented, or on one line of its own."""
    # Plain ASCII can be written to every terminal and pipe, whatever its encoding.
    print(json.dumps(value, indent=None if lines else 2))


def one_line(text: str) -> str:
    """The text without line breaks and control characters."""
    return " ".join(text.split()).translate(_CONTROLS)


def for_terminal(text: str) -> str:
    """The text for standard output: on a terminal without control characters, elsewhere as it is."""
    shown = text.translate(_CONTROLS) if sys.stdout.isatty() else text
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "replace").decode(encoding)


def aligned(rows: Sequence[Sequence[Any]], header: Sequence[str] = (), *, numbers: Sequence[int] = ()) -> List[str]:
    """The rows as lines of aligned columns; columns in `numbers` are aligned to the right."""
    cells = [[one_line(str(cell)) for cell in row] for row in ([header, *rows] if header else rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return [
        "  ".join(
            cell.rjust(width) if at in numbers else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in cells
    ]
