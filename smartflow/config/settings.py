"""The settings of one client: its arguments and what is configured, checked together before anything is sent."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Sequence

from .._core.secrets import Secret
from .._core.urls import Origin, parse_base_url
from ..exceptions import ConfigError
from .keys import DEFAULTS
from .precedence import CLIENT_NAMES, SERVICE_URLS, Resolved, resolve

__all__ = ["DEFAULT_TIMEOUT", "Settings", "environment_proxy", "make_settings"]

_log = logging.getLogger("smartflow")
# What only a gateway takes: a caller who gives it does not expect to be in direct mode.
GATEWAY_ONLY = ("api_key", "attestation", *SERVICE_URLS)
# An object of its own: a caller who writes timeout=30.0 means it, and wins over the file.
DEFAULT_TIMEOUT = float(str(DEFAULTS["timeout"]))


@dataclass(frozen=True)
class Settings:
    """All that a client was told, checked; its repr shows no secret.

    In direct mode there are no `origins`, and `providers` holds what is configured for each provider, by variable.
    """

    origins: Mapping[str, Origin]
    api_key: Optional[Secret] = None
    attestation: Optional[Secret] = None
    verify: Any = True
    proxy: Optional[str] = field(default=None, repr=False)
    http_client: Any = None
    transport: Any = None
    max_connections: int = 500
    timeout: Any = DEFAULT_TIMEOUT
    max_retries: Any = DEFAULTS["max_retries"]
    mode: str = "gateway"
    profile: Optional[str] = None
    providers: Any = None


def make_settings(
    base_url: Optional[str],
    api_key: Optional[str],
    *,
    ports: Mapping[str, int],
    urls: Mapping[str, Optional[str]],
    attestation: Optional[str] = None,
    allow_insecure_http: bool = False,
    profile: Optional[str] = None,
    timeout: Any = DEFAULT_TIMEOUT,
    max_retries: Optional[int] = None,
    providers: Optional[Mapping[str, str]] = None,
    **rest: Any,
) -> Settings:
    """The settings of a client from its arguments and what is configured; a ConfigError names what is wrong."""
    given: Dict[str, Any] = {"gateway_url": base_url, "api_key": api_key, "attestation": attestation}
    given.update({f"{service}_url": url for service, url in urls.items()}, max_retries=max_retries)
    given = {name: value for name, value in given.items() if value is not None}
    if timeout is not DEFAULT_TIMEOUT:
        given["timeout"] = timeout
    resolved = resolve(given, profile=profile, names=CLIENT_NAMES)
    key, proof = resolved.value("api_key"), resolved.value("attestation")
    if resolved.mode == "direct":
        _check_direct(resolved, [name for name in GATEWAY_ONLY if given.get(name)])
        origins, key, proof = {}, None, None
        # Its lookups are only made here: a client of a gateway must not fail because of a provider's setting.
        from .variables import Variables, given_providers

        rest["providers"] = Variables(resolve(given_providers(providers), profile=profile, file=resolved.file))
    else:
        origins = _origins(resolved, ports)
    if (key or proof) and not allow_insecure_http:
        _refuse_plain_http(origins)
    if rest.get("http_client") is not None and rest.get("transport") is not None:
        raise ConfigError("give either http_client or transport, not both")
    if (rest.get("http_client") is not None or rest.get("transport") is not None) and rest.get("proxy"):
        raise ConfigError("proxy has no effect with http_client or transport: configure the proxy there")
    return Settings(
        origins=origins,
        api_key=key,
        attestation=proof,
        timeout=resolved.value("timeout"),
        max_retries=resolved.value("max_retries"),
        mode=resolved.mode,
        profile=resolved.profile.value,
        **rest,
    )


def _check_direct(resolved: Resolved, given: Sequence[str]) -> None:
    """Refuse direct mode to a caller who means a gateway; warn where only the configuration seems to mean one."""
    cure = (
        "pass the gateway's URL, as in SmartflowClient('http://smartflow:7775'), set SMARTFLOW_GATEWAY_URL, or write "
        f"gateway_url into {resolved.file.path} (`smartflow configure` does so); `smartflow serve` starts a local one"
    )
    if given:
        raise ConfigError(f"no gateway is configured, and {given[0]} is of use only with one: {cure}")
    key = resolved["api_key"]
    if key.value:
        _log.warning("%s is set, but no gateway is: calls go directly to the providers; %s", key.place, cure)


def _origins(resolved: Resolved, ports: Mapping[str, int]) -> Dict[str, Origin]:
    gateway = resolved["gateway_url"]
    proxy = parse_base_url(gateway.value, gateway.place)
    origins = {"proxy": proxy}
    for service, port in ports.items():
        setting = resolved[f"{service}_url"]
        if setting.value is not None:
            origins[service] = parse_base_url(setting.value, setting.place)
        else:
            origins[service] = proxy.sibling(_port(port, f"{service}_port"))
    return origins


def _refuse_plain_http(origins: Mapping[str, Origin]) -> None:
    for service, origin in origins.items():
        if origin.scheme == "http" and not origin.is_trusted_network:
            raise ConfigError(
                f"the {service} URL {origin.url} would send the key in the clear over a public network: "
                "use https://, or pass allow_insecure_http=True if the network is yours"
            )


def _port(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} must be a port number, not {type(value).__name__}")
    if not 1 <= value <= 65535:
        raise ConfigError(f"{name} must be between 1 and 65535, not {value}")
    return value


def environment_proxy(origin: Origin) -> Optional[str]:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for this origin."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url or origin.host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(origin.host):
        return None
    return url if "://" in url else f"http://{url}"
