"""From a model name and the environment to the place where a call goes, with errors that name the cure."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Tuple, Union

from .._core.secrets import Secret
from .._core.urls import Origin, parse_base_url
from ..exceptions import ConfigError
from .dialect import Target
from .errors import missing_base_url, missing_key
from .table import PROVIDERS, ModelRef, ProviderSpec, parse_model

__all__ = ["AZURE_API_VERSION", "target_for"]

AZURE_API_VERSION = "2024-10-21"
"""The version of Azure's API that is used when AZURE_API_VERSION is not set."""


def target_for(
    model: Union[str, ModelRef], environment: Mapping[str, str], key: Union[Secret, str, None] = None
) -> Target:
    """Where a call to this model goes; a ConfigError names the variable that is missing or wrong.

    `key` goes before the provider's variable in the environment.
    """
    ref = parse_model(model) if isinstance(model, str) else model
    spec = PROVIDERS[ref.provider]
    chosen = key if isinstance(key, Secret) else Secret((key or "").strip())
    if not chosen and spec.key_variable:
        chosen = Secret(environment.get(spec.key_variable, "").strip())
    if not chosen and spec.key_variable and spec.key_required and not _own_server(spec, environment):
        raise missing_key(spec)
    origin, ending = _base_url(spec, environment)
    if chosen and origin.scheme == "http" and not origin.is_trusted_network:
        raise ConfigError(
            f"{spec.base_url_variable}: {origin.url} would get the key of {spec.title} in the clear over a public "
            "network; use https://",
            provider=spec.name,
        )
    return Target(spec.name, ref.model, origin.url + ending, chosen or None, _options(spec, environment))


def _own_server(spec: ProviderSpec, environment: Mapping[str, str]) -> bool:
    """Whether the base URL leads elsewhere than to the provider: a server of one's own may need no key."""
    return spec.base_url is not None and bool(environment.get(spec.base_url_variable or "", "").strip())


def _base_url(spec: ProviderSpec, environment: Mapping[str, str]) -> Tuple[Origin, str]:
    address = spec.address(environment) or _vertex(spec, environment)
    if address is None:
        raise missing_base_url(spec)
    # Gateways have no /v1 in their base URLs, providers do: checked without it, used with it.
    ending = "/v1" if address.endswith("/v1") else ""
    return parse_base_url(address[: len(address) - len(ending)], spec.base_url_variable or "base_url"), ending


def _vertex(spec: ProviderSpec, environment: Mapping[str, str]) -> Optional[str]:
    if spec.dialect != "vertex_ai":
        return None
    project, place = (environment.get(name, "").strip() for name in spec.variables)
    if not project or not place:
        return None
    host = "aiplatform.googleapis.com" if place == "global" else f"{place}-aiplatform.googleapis.com"
    return f"https://{host}/v1/projects/{project}/locations/{place}/endpoints/openapi"


def _options(spec: ProviderSpec, environment: Mapping[str, str]) -> Dict[str, str]:
    if spec.dialect != "azure":
        return {}
    return {"api_version": environment.get("AZURE_API_VERSION", "").strip() or AZURE_API_VERSION}
