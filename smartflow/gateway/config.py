"""The options of `smartflow serve`: declared, read and checked in one place."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smartflow.gateway.audit.settings import AuditSettings, add_audit_options, read_audit_options
from smartflow.gateway.compliance.settings import (
    ComplianceSettings,
    add_compliance_options,
    read_compliance_options,
)
from smartflow.gateway.metacache.settings import CacheSettings, add_cache_options, read_cache_options
from smartflow.gateway.routing.settings import RoutingSettings, add_routing_options, read_routing_options

DEFAULT_PORTS = {"proxy": 7775, "management": 7778, "compliance": 7777, "bridge": 3500}
RESERVED_PORTS = {"policy": 7782}
"""Ports of services that join later; nothing else may be put there by default."""
DEFAULT_DATA_DIR = Path("~/.smartflow/gateway")
KEY_VARIABLE = "SMARTFLOW_GATEWAY_API_KEY"
_LEVELS = ("debug", "info", "warning", "error")


class OptionError(Exception):
    """An option cannot be used; the message names it and the cure."""


@dataclass(frozen=True)
class ServeOptions:
    """The checked options. `data_dir` is None when all data stays in memory."""

    host: str
    ports: Mapping[str, int]
    data_dir: Path | None
    ready_file: Path | None
    api_key: str | None
    log_level: int
    exit_with_parent: bool
    cache: CacheSettings
    compliance: ComplianceSettings
    audit: AuditSettings
    routing: RoutingSettings

    def __repr__(self) -> str:
        return f"ServeOptions(host={self.host!r}, ports={dict(self.ports)!r}, data_dir={self.data_dir!r})"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `smartflow serve`."""
    parser.add_argument("--host", default="127.0.0.1", help="the loopback address to listen on (default: %(default)s)")
    for service, port in DEFAULT_PORTS.items():
        option = "--port" if service == "proxy" else f"--{service}-port"
        parser.add_argument(
            option,
            dest=f"{service}_port",
            type=int,
            default=port,
            metavar="PORT",
            help=f"port of the {service} service, 0 = a free one (default: %(default)s)",
        )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--data-dir",
        type=Path,
        default=DEFAULT_DATA_DIR,
        metavar="DIR",
        help="folder of the database (default: %(default)s)",
    )
    place.add_argument("--memory", action="store_true", help="keep all data in memory, and forget it at the end")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="also write the ready line into this file")
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        help=f"callers must show this key; better set {KEY_VARIABLE}, which other users of the machine cannot see",
    )
    parser.add_argument(
        "--log-level", choices=_LEVELS, default="info", help="what is logged to standard error (default: %(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="log errors only")
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when standard input ends")
    add_cache_options(parser)
    add_compliance_options(parser)
    add_audit_options(parser)
    add_routing_options(parser)


def read_options(given: argparse.Namespace, environment: Mapping[str, str] | None = None) -> ServeOptions:
    """The checked options of a command line."""
    environment = os.environ if environment is None else environment
    ports = {service: _port(service, getattr(given, f"{service}_port")) for service in DEFAULT_PORTS}
    fixed = [port for port in ports.values() if port]
    if len(set(fixed)) != len(fixed):
        raise OptionError("two services have the same port: give each its own, or 0 for a free one")
    key = given.api_key if given.api_key is not None else environment.get(KEY_VARIABLE) or None
    if key is not None and (not key.strip() or not key.isascii() or not key.isprintable()):
        raise OptionError(f"--api-key and {KEY_VARIABLE} must be a text of printable ASCII characters")
    try:
        cache = read_cache_options(given)
        compliance = read_compliance_options(given, environment)
        audit = read_audit_options(given, environment)
        routing = read_routing_options(given)
    except ValueError as error:
        raise OptionError(str(error)) from None
    return ServeOptions(
        host=_loopback(given.host),
        ports=ports,
        data_dir=None if given.memory else given.data_dir.expanduser(),
        ready_file=given.ready_file,
        api_key=key,
        log_level=logging.ERROR if given.quiet else getattr(logging, given.log_level.upper()),
        exit_with_parent=given.exit_with_parent,
        cache=cache,
        compliance=compliance,
        audit=audit,
        routing=routing,
    )


def _port(service: str, port: int) -> int:
    if not 0 <= port <= 65535:
        raise OptionError(f"the port of the {service} service must be from 0 to 65535, not {port}")
    return port


def _loopback(host: str) -> str:
    name = "127.0.0.1" if host == "localhost" else host
    try:
        safe = ipaddress.ip_address(name).is_loopback
    except ValueError:
        safe = False
    if not safe:
        raise OptionError(
            f"--host {host} is refused: the local gateway listens on loopback addresses only (127.0.0.1, ::1 or localhost); "
            "put a TLS proxy in front of it to reach it from other machines"
        )
    return name
