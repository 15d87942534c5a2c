"""`smartflow status` and `smartflow.status()`: what is configured, what can be reached, whether the key is accepted."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from smartflow.cli.common import FAILURE, OK, aligned, command_parser, print_json
from smartflow.cli.providers import provider_rows, provider_states

if TYPE_CHECKING:
    from smartflow import SyncSmartflowClient
    from smartflow.config import Resolved

__all__ = ["screen", "state", "status"]

_SECONDS = 5.0
_REFUSED = (401, 403)


class _Probe(NamedTuple):
    """One question to one service."""

    service: str
    check: str
    url: str
    ask: Callable[[], Any]


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser(
        "status",
        "Shows the mode, where each setting came from, whether each service can be reached, and whether the key is accepted. "
        "Without a gateway: each configured provider. Ends with status 1 when something that is configured cannot be reached or "
        "is not ready, or a key is refused.",
    )
    parser.set_defaults(timeout=_SECONDS)
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the state; returns the exit status."""
    found = state(options.profile, base_url=options.gateway_url, timeout=options.timeout)
    if options.json:
        print_json(found)
    else:
        print(*screen(found), sep="\n")
    return OK if found["ok"] else FAILURE


def status(
    gateway_url: Optional[str] = None, *, profile: Optional[str] = None, timeout: float = _SECONDS
) -> Dict[str, Any]:
    """Return what `smartflow status --json` prints: the mode, the settings' origins, each service, and the key.

    Args:
        gateway_url: The gateway's proxy; by default the one that the settings name.
        profile: The profile of the configuration file to use.
        timeout: Limit of each question, in seconds.

    Returns:
        A dict with `ok`, `mode`, `profile`, `gateway_url`, `gateway_url_source`, `key`, `key_source`, `services`, and in
        direct mode `providers`.

    Raises:
        ConfigError: The settings are wrong.

    Example:
        >>> smartflow.status()["ok"]
    """
    return state(profile, base_url=gateway_url, timeout=timeout)


def state(profile: Optional[str] = None, **arguments: Any) -> Dict[str, Any]:
    """The state of the gateway that these arguments of a client (None: not given) and the settings lead to."""
    from smartflow import SyncSmartflowClient
    from smartflow.config import resolve

    given = {name: value for name, value in arguments.items() if value is not None}
    named = {"gateway_url": given.get("base_url"), "api_key": given.get("api_key")}
    settings = resolve({name: value for name, value in named.items() if value is not None}, profile=profile)
    key_source = settings["api_key"].source if settings.value("api_key") else None
    with SyncSmartflowClient(**given, profile=profile, max_retries=0) as sf:
        if sf.mode == "direct":
            return _direct_state(sf, settings, key_source)
        probes = _probes(sf)
        with ThreadPoolExecutor(len(probes)) as pool:
            answers = list(pool.map(_answer, probes))
        key_answer = answers.pop()
        refused = any(answer["status"] in _REFUSED for answer in (*answers, key_answer))
        key = _key_state(refused, key_answer["ok"], given=key_source is not None)
        return {
            "ok": all(answer["ok"] for answer in answers) and key in ("accepted", "not needed"),
            "mode": sf.mode,
            "profile": settings.profile.value,
            "gateway_url": sf.base_url,
            "gateway_url_source": settings["gateway_url"].source,
            "key": key,
            "key_source": key_source,
            "services": answers,
            "providers": [],
        }


def _direct_state(sf: SyncSmartflowClient, settings: Resolved, key_source: Optional[str]) -> Dict[str, Any]:
    providers = provider_states(sf, settings)
    return {
        "ok": bool(providers) and all(provider["ok"] for provider in providers),
        "mode": "direct",
        "profile": settings.profile.value,
        "gateway_url": None,
        "gateway_url_source": settings["gateway_url"].source,
        "key": "unused" if key_source else "not needed",
        "key_source": key_source,
        "services": [],
        "providers": providers,
    }


def _probes(sf: SyncSmartflowClient) -> Tuple[_Probe, ...]:
    return (
        _Probe("proxy", "liveness", sf.base_url, sf.health),
        _Probe("proxy", "readiness", sf.base_url, sf.readiness),
        _Probe("management", "routing", sf.management_url, sf.get_routing_status),
        _Probe("compliance", "health", sf.compliance_url, sf.get_intelligent_health),
        _Probe("bridge", "logs", sf.bridge_url, lambda: sf.get_logs_hybrid(limit=1)),
        _Probe("proxy", "key", sf.base_url, sf.list_models),
    )


def _answer(probe: _Probe) -> Dict[str, Any]:
    """What became of one question; the latency is that of a call on an open connection."""
    from smartflow import SmartflowError

    facts: Dict[str, Any] = {"service": probe.service, "check": probe.check, "url": probe.url}
    latency = None
    try:
        probe.ask()
        started = time.perf_counter()
        answer = probe.ask()
        latency = round((time.perf_counter() - started) * 1000, 1)
    except SmartflowError as error:
        code = error.status_code
        # Who asks for a key is there; whether ours is the right one is a line of its own.
        ok, detail = code in _REFUSED, error.message
        return {
            **facts,
            "ok": ok,
            "reachable": code is not None,
            "latency_ms": latency,
            "detail": detail,
            "status": code,
        }
    word = answer.get("status") if isinstance(answer, dict) else None
    ok = word not in ("not_ready", "unhealthy")
    return {**facts, "ok": ok, "reachable": True, "latency_ms": latency, "detail": word or "ok", "status": 200}


def _key_state(refused: bool, answered: bool, *, given: bool) -> str:
    if refused:
        return "refused" if given else "missing"
    if not answered:
        return "unknown"
    return "accepted" if given else "not needed"


def screen(found: Dict[str, Any]) -> List[str]:
    """The state in lines for people."""
    key = f"{found['key']} ({found['key_source']})" if found["key_source"] else found["key"]
    settings = [
        ("mode", found["mode"]),
        *([("profile", found["profile"])] if found["profile"] else []),
        ("gateway", f"{found['gateway_url'] or 'none'} ({found['gateway_url_source']})"),
        ("key", key),
    ]
    lines = aligned([(f"{name}:", value) for name, value in settings])
    if found["mode"] == "direct":
        return [*lines, "", *provider_rows(found["providers"])]
    return [*lines, "", *aligned([_row(service) for service in found["services"]], _HEADER, numbers=(4,))]


_HEADER = ("SERVICE", "CHECK", "URL", "STATE", "LATENCY", "DETAIL")


def _row(service: Dict[str, Any]) -> Tuple[str, ...]:
    asked = "reachable" if service["status"] in _REFUSED else "ok" if service["ok"] else "failing"
    state = asked if service["reachable"] else "unreachable"
    latency = "-" if service["latency_ms"] is None else f"{service['latency_ms']:.1f} ms"
    return service["service"], service["check"], service["url"], state, latency, service["detail"]
