"""The settings that can be configured: their names, the variables that set them, and how their text becomes a value."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional, Tuple

from .._core.secrets import Secret
from .._core.urls import parse_base_url
from ..exceptions import ConfigError
from ..types.options import check_seconds

__all__ = [
    "ALIASES",
    "DEFAULTS",
    "DEFAULT_PORTS",
    "PROVIDER_PREFIXES",
    "PROVIDER_SETTINGS",
    "SETTINGS",
    "is_secret",
    "parse_secret",
    "parse_text",
    "variables_of",
]

DEFAULT_PORTS = {"management": 7778, "compliance": 7777, "bridge": 3500, "policy": 7782}
DEFAULTS: Dict[str, Any] = {"timeout": 30.0, "max_retries": 2}
ALIASES = {"base_url": "gateway_url"}

# The providers stand above this package; a test holds these names against their table.
PROVIDER_PREFIXES = (
    "openai", "anthropic", "xai", "gemini", "vertex_ai", "openrouter", "azure", "mistral", "cohere", "nvidia_nim",
    "huggingface", "groq", "deepgram", "fireworks", "novita", "together", "perplexity", "replicate", "vercel_ai_gateway",
    "ollama", "local",
)  # fmt: skip

GATEWAY_SETTINGS = (
    "gateway_url",
    "api_key",
    *(f"{service}_url" for service in DEFAULT_PORTS),
    "timeout",
    "max_retries",
)
PROVIDER_SETTINGS = (
    *(f"{prefix}_{part}" for prefix in PROVIDER_PREFIXES for part in ("api_key", "base_url")),
    "vertex_ai_project",
    "vertex_ai_location",
    "azure_api_version",
)
SETTINGS = (*GATEWAY_SETTINGS, *PROVIDER_SETTINGS)
"""What a file and a profile may set, in the order in which it is shown."""

_VARIABLES: Dict[str, Tuple[str, ...]] = {
    "gateway_url": ("SMARTFLOW_GATEWAY_URL", "SMARTFLOW_URL"),
    "attestation": ("SMARTFLOW_ATTESTATION", "APERION_ATTESTATION"),
    "vertex_ai_api_key": ("VERTEXAI_API_KEY",),
    "azure_base_url": ("AZURE_API_BASE",),
    "vertex_ai_project": ("VERTEXAI_PROJECT",),
    "vertex_ai_location": ("VERTEXAI_LOCATION",),
}
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def variables_of(name: str) -> Tuple[str, ...]:
    """The environment variables of a setting, the one that wins first."""
    plain = name.upper() if name in PROVIDER_SETTINGS else f"SMARTFLOW_{name.upper()}"
    return _VARIABLES.get(name, (plain,))


def is_secret(name: str) -> bool:
    """Whether the setting's value must never be shown."""
    return name == "attestation" or name == "api_key" or name.endswith("_api_key")


def parse_secret(value: object, shown: str) -> Optional[Secret]:
    """The secret without the blanks around it, or None if nothing is left; `shown` names it in an error."""
    if value is None or isinstance(value, Secret):
        return value or None
    if not isinstance(value, str):
        raise ConfigError(f"{shown} must be a string, not {type(value).__name__}")
    text = value.strip()
    if not text:
        return None
    if not text.isascii() or any(character <= " " or character == "\x7f" for character in text):
        raise ConfigError(f"{shown} contains blanks, line breaks or characters that a header cannot carry")
    return Secret(text)


def parse_text(name: str, text: str, shown: str) -> Any:
    """The value that a text of the environment or of a file stands for; a ConfigError calls it `shown`."""
    if is_secret(name):
        return parse_secret(text, shown)
    text = text.strip()
    if not text:
        raise ConfigError(f"{shown} is empty: give a value, or remove it")
    if name in ("timeout", "max_retries"):
        return _number(name, text, shown)
    if name in PROVIDER_SETTINGS and not name.endswith("_base_url"):
        if not _WORD.fullmatch(text):
            raise ConfigError(f"{shown} must be a name of letters, digits, dots, colons and dashes")
        return text
    if name in PROVIDER_SETTINGS:
        if not text.startswith(("http://", "https://")) or any(not "!" <= character <= "~" for character in text):
            raise ConfigError(f"{shown} must be a URL that begins with http:// or https://, without blanks")
        if "@" in text:
            raise ConfigError(f"{shown} must not contain a user name or password: set the key instead")
        return text
    parse_base_url(text, shown)
    return text


def _number(name: str, text: str, shown: str) -> Any:
    if name == "max_retries":
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ConfigError(f"{shown} must be 0 or a positive whole number")
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise ConfigError(f"{shown} must be a number of seconds such as 30 or 2.5")
    seconds = float(text)
    check_seconds(seconds, shown)
    return seconds
