"""Where a client finds its settings: arguments, then the environment. The only reader of `os.environ` in the client."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Union

from ._core.secrets import Secret
from ._core.urls import Origin, parse_base_url
from .exceptions import ConfigError

__all__ = ["Settings", "environment_proxy", "make_settings"]

URL_VARIABLES = ("SMARTFLOW_GATEWAY_URL", "SMARTFLOW_URL")
KEY_VARIABLE = "SMARTFLOW_API_KEY"
ATTESTATION_VARIABLES = ("SMARTFLOW_ATTESTATION", "APERION_ATTESTATION")


@dataclass(frozen=True)
class Settings:
    """All that a client was told, checked; its repr shows no secret."""

    origins: Mapping[str, Origin]
    api_key: Optional[Secret] = None
    attestation: Optional[Secret] = None
    verify: Any = True
    proxy: Optional[str] = field(default=None, repr=False)
    http_client: Any = None
    transport: Any = None
    max_connections: int = 500


def make_settings(
    base_url: Optional[str],
    api_key: Optional[str],
    *,
    ports: Mapping[str, int],
    urls: Mapping[str, Optional[str]],
    attestation: Optional[str] = None,
    allow_insecure_http: bool = False,
    **rest: Any,
) -> Settings:
    """The settings of a client from its arguments and the environment; a ConfigError names what is wrong."""
    proxy_origin = _gateway_origin(base_url)
    origins: Dict[str, Origin] = {"proxy": proxy_origin}
    for service, port in ports.items():
        url, name = urls.get(service), f"{service}_url"
        if url is None and base_url is None:
            # The environment describes one gateway: its services do not belong to another one, named by an argument.
            name = f"SMARTFLOW_{service.upper()}_URL"
            url = os.environ.get(name)
        if url is not None:
            origins[service] = parse_base_url(url, name)
        else:
            origins[service] = proxy_origin.sibling(_port(port, f"{service}_port"))
    key = _secret(api_key if api_key is not None else os.environ.get(KEY_VARIABLE), "api_key")
    proof = _secret(attestation if attestation is not None else _first(ATTESTATION_VARIABLES), "attestation")
    if (key or proof) and not allow_insecure_http:
        for service, origin in origins.items():
            if origin.scheme == "http" and not origin.is_trusted_network:
                raise ConfigError(
                    f"the {service} URL {origin.url} would send the key in the clear over a public network: "
                    "use https://, or pass allow_insecure_http=True if the network is yours"
                )
    if rest.get("http_client") is not None and rest.get("transport") is not None:
        raise ConfigError("give either http_client or transport, not both")
    if (rest.get("http_client") is not None or rest.get("transport") is not None) and rest.get("proxy"):
        raise ConfigError("proxy has no effect with http_client or transport: configure the proxy there")
    return Settings(origins=origins, api_key=key, attestation=proof, **rest)


def _gateway_origin(base_url: Optional[str]) -> Origin:
    if base_url is not None:
        return parse_base_url(base_url)
    for name in URL_VARIABLES:
        if name in os.environ:
            return parse_base_url(os.environ[name], name)
    raise ConfigError(
        "no gateway is configured: pass its URL, as in SmartflowClient('http://smartflow:7775'), "
        f"or set {URL_VARIABLES[0]}; `smartflow serve` starts a local one"
    )


def _port(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} must be a port number, not {type(value).__name__}")
    if not 1 <= value <= 65535:
        raise ConfigError(f"{name} must be between 1 and 65535, not {value}")
    return value


def _secret(value: Union[str, Secret, None], name: str) -> Optional[Secret]:
    if value is None or isinstance(value, Secret):
        return value or None
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a string, not {type(value).__name__}")
    text = value.strip()
    if not text:
        return None
    if not text.isascii() or any(character <= " " for character in text):
        raise ConfigError(f"{name} contains blanks, line breaks or characters that a header cannot carry")
    return Secret(text)


def _first(names: Any) -> Optional[str]:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def environment_proxy(origin: Origin) -> Optional[str]:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for this origin."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    url = proxies.get(origin.scheme) or proxies.get("all")
    if not url or origin.host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(origin.host):
        return None
    return url if "://" in url else f"http://{url}"
