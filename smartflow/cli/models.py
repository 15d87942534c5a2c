"""`smartflow models`: the models that can be called."""

from __future__ import annotations

import argparse

from smartflow.cli.common import OK, aligned, command_parser, make_client, print_json


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser(
        "models", "Lists the models of all enabled providers; without a gateway of all that are configured."
    )
    parser.add_argument("--provider", metavar="NAME", help="only models of this provider")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the models; returns the exit status."""
    with make_client(options) as sf:
        models = sf.list_models(provider=options.provider)
    if options.json:
        print_json(models)
    else:
        rows = sorted((model.get("owned_by") or "-", model["id"]) for model in models)
        print(*aligned([(name, owner) for owner, name in rows], ("MODEL", "PROVIDER")), sep="\n")
    return OK
