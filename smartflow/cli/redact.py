"""`smartflow redact`: replaces personal data in files or standard input."""

from __future__ import annotations

import argparse
import sys

from smartflow.cli.common import OK, UsageError, command_parser, make_client, print_json, read_text


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser(
        "redact",
        "Writes the texts to standard output with all personal data replaced by placeholders such as [EMAIL]. "
        "When a text cannot be redacted, nothing of it is written.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="text files; - or none reads standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON object per text, with `file` and `text`")
    return parser


def run(options: argparse.Namespace) -> int:
    """Write the redacted texts; returns the exit status."""
    files = options.files or ["-"]
    if files.count("-") > 1:
        raise UsageError("standard input can be read only once: give - once")
    with make_client(options) as sf:
        for file in files:
            text = read_text(file)
            # A text of nothing holds no personal data, and the gateway takes none.
            redacted = sf.redact_pii(text) if text else ""
            if options.json:
                print_json({"file": file, "text": redacted}, lines=True)
            else:
                sys.stdout.buffer.write(redacted.encode("utf-8"))
                sys.stdout.buffer.flush()
    return OK
