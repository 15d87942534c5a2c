"""`smartflow serve`: runs the local gateway in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING

from smartflow.gateway.config import OptionError, ServeOptions, add_options, read_options

if TYPE_CHECKING:
    from smartflow.gateway.core import Gateway

_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_USAGE_ERROR, _FAILURE = 2, 1
_log = logging.getLogger("smartflow.gateway")


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = argparse.ArgumentParser(prog="smartflow serve", description="Runs a Smartflow gateway on this machine.")
    add_options(parser)
    return parser


def run(given: argparse.Namespace) -> int:
    """Run the gateway until SIGTERM or Ctrl-C; returns the exit status."""
    try:
        options = read_options(given)
    except OptionError as error:
        print(f"smartflow serve: {error}", file=sys.stderr)
        return _USAGE_ERROR
    return serve(options)


def serve(options: ServeOptions) -> int:
    """Run the gateway with checked options; returns the exit status."""
    from smartflow.gateway.compliance.policies import PolicyFileError
    from smartflow.gateway.contract import ContractError
    from smartflow.gateway.keyfile import KeyFileError
    from smartflow.gateway.server import PortTaken, bind, stop_at_end_of_input
    from smartflow.gateway.server import run as run_servers
    from smartflow.gateway.store import StoreError

    _set_up_logging(options.log_level)
    try:
        sockets = bind(options.host, options.ports)
        try:
            gateway = _gateway(options)
        except BaseException:
            for opened in sockets.values():
                opened.close()
            raise
        asyncio.run(
            run_servers(
                gateway,
                sockets,
                ready_file=options.ready_file,
                stop_when=stop_at_end_of_input if options.exit_with_parent else None,
            )
        )
    except (PortTaken, OptionError, ContractError, KeyFileError, PolicyFileError) as error:
        print(f"smartflow serve: {error}", file=sys.stderr)
        return _FAILURE
    except (StoreError, OSError) as error:
        print(f"smartflow serve: {error}; choose another folder with --data-dir, or --memory", file=sys.stderr)
        return _FAILURE
    return 0


def _gateway(options: ServeOptions) -> Gateway:
    from smartflow.gateway.core import Gateway
    from smartflow.gateway.store import DATABASE_NAME

    path = options.data_dir / DATABASE_NAME if options.data_dir is not None else None
    return Gateway(
        path,
        environment=os.environ,
        api_key=options.api_key,
        cache=options.cache,
        compliance=options.compliance,
        audit=options.audit,
        routing=options.routing,
    )


def _set_up_logging(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    _log.setLevel(level)
    _log.addHandler(handler)
    _log.propagate = False
