"""`smartflow configure` and `smartflow.configure()`: sets up a gateway, or a provider for direct mode, and tries it first."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Optional

from smartflow.cli.common import FAILURE, OK, UsageError, command_parser
from smartflow.cli.config import given_key
from smartflow.cli.providers import named, provider_changes, provider_rows, provider_states
from smartflow.cli.status import screen, state

if TYPE_CHECKING:
    from smartflow.providers.table import ProviderSpec

__all__ = ["configure"]

_USUAL_URL = "http://localhost:7775"
_SECONDS = 5.0
_GATEWAY_VARIABLES = (
    "SMARTFLOW_CONFIG",
    "SMARTFLOW_GATEWAY_URL",
    "SMARTFLOW_URL",
    "SMARTFLOW_API_KEY",
    "SMARTFLOW_PROFILE",
)
_SERVICE_URLS = ("management_url", "compliance_url", "bridge_url", "policy_url")


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser(
        "configure",
        "Asks for the gateway's URL and key, or for a provider and its key, tries them, and writes them into the configuration "
        "file; other settings stay.",
        connects=False,
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--gateway-url", metavar="URL", help="the gateway's proxy, instead of being asked for it")
    target.add_argument("--provider", metavar="NAME", help="a provider for direct mode, for example openai")
    parser.add_argument("--base-url", metavar="URL", help="with --provider: another address than the usual one")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--api-key-stdin", action="store_true", help="read the key from standard input")
    key.add_argument("--api-key", metavar="KEY", help="the key; others on this machine can see it there")
    parser.add_argument("--profile", metavar="NAME", help="the profile to write; it is created if need be")
    parser.add_argument("--non-interactive", action="store_true", help="ask nothing; save only what works")
    parser.add_argument("--force", action="store_true", help="save even if it cannot be used now")
    return parser


def configure(profile: Optional[str] = None) -> bool:
    """Return whether settings were saved, after asking for them on the terminal.

    Args:
        profile: The profile to write; by default the settings outside of profiles.

    Raises:
        ConfigError: The configuration file, or what was entered, is wrong; the file is unchanged.

    Example:
        >>> smartflow.configure()  # doctest: +SKIP
    """
    return run(make_parser().parse_args([] if profile is None else ["--profile", profile])) == OK


def run(options: argparse.Namespace) -> int:
    """Ask, try and save; returns the exit status."""
    from smartflow.config import load_file, save

    asks = not options.non_interactive
    if asks and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on: give --non-interactive, --gateway-url and --api-key-stdin")
    if not asks and options.gateway_url is None and options.provider is None:
        raise UsageError("--non-interactive needs --gateway-url or --provider")
    if options.base_url is not None and options.provider is None:
        raise UsageError("--base-url goes with --provider")
    file = load_file()
    present = {
        name: entry.value
        for name, entry in (file.profiles.get(options.profile, {}) if options.profile else file.settings).items()
    }
    if asks:
        print(f"Settings go to {file.path}{f', profile {options.profile}' if options.profile else ''}.")
    spec = _provider(options, present, asks)
    if spec is not None:
        return _configure_provider(spec, options, present, asks)
    changes = _wanted(options, present, asks)
    found = state(base_url=changes["gateway_url"], api_key=changes["api_key"] or "", timeout=_SECONDS)
    print(*screen(found), "", sep="\n")
    if not (found["ok"] or options.force or (asks and _agreed("The gateway cannot be used like this. Save anyway?"))):
        print("Nothing was saved.", file=sys.stderr)
        return FAILURE
    print(f"Saved to {save(changes, options.profile)}")
    _warn_of_environment()
    return OK


def _provider(options: argparse.Namespace, present: Mapping[str, Any], asks: bool) -> Optional[ProviderSpec]:
    """The provider to set up; None for a gateway, whose URL then stands in the options."""
    answer = options.provider
    if answer is None and options.gateway_url is None and asks:
        usual = present.get("gateway_url") or _USUAL_URL
        print("Give the URL of a gateway, or for direct mode the name of a provider (openai, anthropic, gemini, ...).")
        answer = input(f"Gateway URL [{usual}]: ").strip() or usual
    if answer is None:
        return None
    spec = named(answer)
    if spec is None and options.provider is not None:
        from smartflow.providers.table import PROVIDERS

        raise UsageError(f"there is no provider {answer}: known are {', '.join(PROVIDERS)}")
    if spec is None:
        options.gateway_url = answer
    return spec


def _configure_provider(spec: ProviderSpec, options: argparse.Namespace, present: Mapping[str, Any], asks: bool) -> int:
    """Ask for a provider's key, try it, and save it."""
    from smartflow import SyncSmartflowClient
    from smartflow.config import PROVIDER_SETTINGS, resolve, save

    gateway = present.get("gateway_url")
    if gateway and not (
        asks and _agreed(f"The gateway {gateway} is configured. Remove it, so that calls go directly?")
    ):
        raise UsageError(
            f"the gateway {gateway} is configured, so calls would not go to {spec.title} directly: remove it with "
            "`smartflow config unset gateway_url`, or give --profile another name"
        )
    changes = provider_changes(spec, options, present.get(f"{spec.name}_api_key"), asks)
    merged = {**present, **changes}
    given = {name: merged[name] for name in PROVIDER_SETTINGS if merged.get(name) is not None}
    with _without_gateway(), SyncSmartflowClient(providers=given, timeout=_SECONDS, max_retries=0) as sf:
        states = provider_states(sf, resolve(given), [spec.name])
    # Where the key comes from is no news to whoever has just given it.
    print(*provider_rows([{**each, "key_source": None} for each in states]), "", sep="\n")
    usable = all(each["ok"] for each in states)
    if not (usable or options.force or (asks and _agreed("The provider cannot be used like this. Save anyway?"))):
        print("Nothing was saved.", file=sys.stderr)
        return FAILURE
    dropped = {name: None for name in ("gateway_url", "api_key", *_SERVICE_URLS) if gateway and name in present}
    print(f"Saved to {save({**changes, **dropped}, options.profile)}")
    _warn_of_environment()
    return OK


@contextlib.contextmanager
def _without_gateway() -> Iterator[None]:
    """Inside, no gateway is configured: what is tried is the provider alone."""
    hidden = {name: os.environ.pop(name) for name in _GATEWAY_VARIABLES if name in os.environ}
    os.environ["SMARTFLOW_CONFIG"] = os.devnull
    try:
        yield
    finally:
        del os.environ["SMARTFLOW_CONFIG"]
        os.environ.update(hidden)


def _wanted(options: argparse.Namespace, present: Mapping[str, Any], asks: bool) -> Dict[str, Any]:
    """The settings to try and to save."""
    from smartflow import SyncSmartflowClient

    old_url = present.get("gateway_url")
    url = options.gateway_url
    with SyncSmartflowClient(url, "") as client:
        # A wrong URL ends here, before a key is asked for; what is saved is the URL as it is used.
        url = client.base_url
    # A key and service URLs belong to one gateway; another one must not get them.
    kept = present if old_url is None or old_url.rstrip("/") == url else {}
    changes = {"gateway_url": url, "api_key": given_key(options, "API key", kept.get("api_key"), asks)}
    return {**changes, **{name: None for name in _SERVICE_URLS if name in present and name not in kept}}


def _agreed(question: str) -> bool:
    return input(f"{question} [y/N]: ").strip().lower() in ("y", "yes")


def _warn_of_environment() -> None:
    winners = [name for name in ("SMARTFLOW_GATEWAY_URL", "SMARTFLOW_URL", "SMARTFLOW_API_KEY") if name in os.environ]
    if winners:
        print(f"Note: {', '.join(winners)} in the environment comes before the file.")
