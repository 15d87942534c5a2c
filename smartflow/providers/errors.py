"""Turns whatever a provider answers with an error status into the SDK's error body, and words errors of our own."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional

from .._core.secrets import redact
from ..exceptions import ConfigError, ResponseValidationError, ValidationError
from .table import ProviderSpec, offering

__all__ = ["is_web_page", "missing_base_url", "missing_key", "not_offered", "read_error", "unreadable"]

_MESSAGE_LENGTH = 2000
_HTML = re.compile(r"(?i)^\s*(<!doctype html|<html|<head|<\?xml)")
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def missing_key(spec: ProviderSpec) -> ConfigError:
    """The error for a provider whose key is not set; it names the variable and the cure."""
    return ConfigError(
        f"{spec.title} needs a key: set the environment variable {spec.key_variable}, or run "
        f"`smartflow config set {spec.name}_api_key` (it asks for the key)",
        code="missing_key",
        provider=spec.name,
    )


def missing_base_url(spec: ProviderSpec) -> ConfigError:
    """The error for a provider that has no address of its own and was given none."""
    others = f", or {' and '.join(spec.variables)}" if spec.dialect == "vertex_ai" else ""
    return ConfigError(
        f"{spec.title} has no base URL: set the environment variable {spec.base_url_variable}{others}",
        code="missing_base_url",
        provider=spec.name,
    )


def not_offered(spec: ProviderSpec, capability: str) -> ValidationError:
    """The error for a call that the provider does not offer here; it names the providers that do."""
    return ValidationError(
        f"{spec.title} does not offer {capability}; use a model of {', '.join(offering(capability))}",
        code="not_offered",
        param="model",
        provider=spec.name,
    )


def unreadable(spec: ProviderSpec, what: str, body: Any = None) -> ResponseValidationError:
    """The error for an answer that is not in the provider's documented shape."""
    return ResponseValidationError(f"the answer of {spec.title} {what}", body=body, provider=spec.name)


def read_error(spec: ProviderSpec, status: int, body: Any) -> Dict[str, Any]:
    """The SDK's error body for a provider's error answer; `body` is bytes, text or decoded JSON of any shape."""
    value = _decoded(body)
    found = value.get("error") if isinstance(value, dict) and value.get("error") else value
    if isinstance(found, list) and found:
        found = found[0].get("error", found[0]) if isinstance(found[0], dict) else found[0]
    facts: Dict[str, Any] = found if isinstance(found, dict) else {}
    message = _message(facts) if facts else (found if isinstance(found, str) else None)
    if not message or not message.strip() or is_web_page(message):
        message = _without_words(spec, status, message)
    kind = _word(facts.get("type")) or _TYPES.get(status) or ("provider_error" if status >= 500 else "api_error")
    code = _word(facts.get("code")) or _word(facts.get("err_code")) or _word(facts.get("status")) or kind
    error = {"message": redact(message.strip())[:_MESSAGE_LENGTH], "type": kind, "code": code, "provider": spec.name}
    if isinstance(facts.get("param"), str):
        error["param"] = facts["param"]
    return {"error": error}


def is_web_page(text: str) -> bool:
    """Whether a body is HTML or XML: the answer of a proxy or of a network's sign-in page, not of a provider."""
    return bool(_HTML.match(text[:200]))


def _decoded(body: Any) -> Any:
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body).decode("utf-8", "replace")
    if isinstance(body, str):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return body
    return body


def _message(facts: Dict[str, Any]) -> Optional[str]:
    """The words of an error object: providers name the member differently, some put a list or an object in it."""
    for name in ("message", "err_msg", "detail", "title", "error"):
        value = facts.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if value and isinstance(value, (list, dict)):
            return json.dumps(value, ensure_ascii=False)
    return None


def _word(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value and " " not in value else None


def _without_words(spec: ProviderSpec, status: int, text: Optional[str]) -> str:
    if text and is_web_page(text):
        return (
            f"{spec.title} answered status {status} with a web page instead of JSON: a proxy or a sign-in page of the "
            f"network may have answered; check the network and {spec.base_url_variable}"
        )
    return f"{spec.title} answered status {status} without saying why"
