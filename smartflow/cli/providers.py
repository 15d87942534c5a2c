"""Direct mode on the command line: which providers are configured, whether they answer, and setting one up."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from smartflow.cli.common import UsageError, aligned
from smartflow.cli.config import given_key

if TYPE_CHECKING:
    from smartflow import SyncSmartflowClient
    from smartflow.config import Resolved
    from smartflow.providers.table import ProviderSpec

__all__ = ["NONE_CONFIGURED", "named", "provider_changes", "provider_rows", "provider_states"]

NONE_CONFIGURED = (
    "neither a gateway nor a provider is configured: run `smartflow configure`, or set the key of a provider, for "
    "example OPENAI_API_KEY"
)
_REFUSED = (401, 403)
_HEADER = ("PROVIDER", "URL", "STATE", "LATENCY", "KEY", "DETAIL")


def provider_states(sf: SyncSmartflowClient, settings: Resolved, only: Sequence[str] = ()) -> List[Dict[str, Any]]:
    """The state of each configured provider, or of these: asked for its models, where it lists them."""
    from smartflow.config import Variables
    from smartflow.providers.table import PROVIDERS

    variables = Variables(settings)
    wanted = [PROVIDERS[name] for name in only] if only else list(PROVIDERS.values())
    specs = [spec for spec in wanted if only or spec.configured(variables)]
    if not specs:
        return []
    with ThreadPoolExecutor(len(specs)) as pool:
        return list(pool.map(lambda spec: _state(sf, spec, variables), specs))


def _state(sf: SyncSmartflowClient, spec: ProviderSpec, variables: Any) -> Dict[str, Any]:
    from smartflow import ConfigError, SmartflowError
    from smartflow.providers.table import MODELS

    given = bool(spec.key_variable and variables.get(spec.key_variable))
    facts: Dict[str, Any] = {"provider": spec.name, "url": spec.address(variables) or "-"}
    facts["key_source"] = variables.place(spec.key_variable or "") if given else None
    if not spec.offers(MODELS):
        untried = {"ok": True, "reachable": None, "latency_ms": None, "key": "not checked", "status": None}
        return {**facts, **untried, "detail": "lists no models: a call will tell"}
    started = time.perf_counter()
    try:
        number = len(sf.list_models(provider=spec.name))
    except SmartflowError as error:
        refused = error.status_code in _REFUSED
        key = ("refused" if given else "missing") if refused or error.code == "missing_key" else "unknown"
        reached = error.status_code is not None or not isinstance(error, (ConnectionError, TimeoutError, ConfigError))
        failed = {"ok": False, "reachable": reached, "latency_ms": None, "key": key, "status": error.status_code}
        return {**facts, **failed, "detail": error.message}
    latency = round((time.perf_counter() - started) * 1000, 1)
    key = "accepted" if given else "not needed"
    answered = {"ok": True, "reachable": True, "latency_ms": latency, "key": key, "status": 200}
    return {**facts, **answered, "detail": f"{number} model{'' if number == 1 else 's'}"}


def provider_rows(states: Sequence[Mapping[str, Any]]) -> List[str]:
    """The states in lines for people."""
    if not states:
        return [NONE_CONFIGURED]
    return aligned([_row(state) for state in states], _HEADER, numbers=(3,))


def _row(state: Mapping[str, Any]) -> Tuple[str, ...]:
    word = {None: "not checked", False: "unreachable", True: "ok" if state["ok"] else "failing"}[state["reachable"]]
    latency = "-" if state["latency_ms"] is None else f"{state['latency_ms']:.1f} ms"
    key = f"{state['key']} ({state['key_source']})" if state["key_source"] else state["key"]
    return state["provider"], state["url"], word, latency, key, state["detail"]


def named(text: str) -> Optional[ProviderSpec]:
    """The provider of this name or prefix, if there is one."""
    from smartflow.providers.table import PREFIXES, PROVIDERS

    name = PREFIXES.get(text.strip().lower().rstrip("/"))
    return PROVIDERS[name] if name else None


def provider_changes(spec: ProviderSpec, options: argparse.Namespace, kept: Any, asks: bool) -> Dict[str, Any]:
    """The settings of a provider that are to be saved; its key is typed unseen, or piped in."""
    changes: Dict[str, Any] = {}
    url = options.base_url
    if url is None and spec.base_url is None and asks and spec.name != "vertex_ai":
        url = input(f"Base URL of {spec.title}: ").strip()
    if url is None and spec.name == "vertex_ai" and asks:
        changes["vertex_ai_project"] = input("Google Cloud project: ").strip()
        changes["vertex_ai_location"] = input("Location [us-central1]: ").strip() or "us-central1"
    if url:
        changes[f"{spec.name}_base_url"] = url
    name = f"{spec.name}_api_key"
    given = given_key(options, f"{spec.title} API key", kept, asks)
    changes[name] = given if options.api_key is not None else given or kept
    if spec.key_required and not (changes.get(name) or kept or url):
        raise UsageError(f"{spec.title} needs a key")
    return changes
