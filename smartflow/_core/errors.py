"""Error answers and transport failures, turned into the errors of `smartflow.exceptions`."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Type

from .. import exceptions as exc
from .jsoncodec import preview
from .peer import GATEWAY, Peer
from .retry import parse_retry_after
from .secrets import Secret, redact, redact_value

__all__ = [
    "Reply",
    "TransportFailure",
    "cause_of",
    "error_for_event",
    "error_for_failure",
    "error_for_reply",
    "request_id_of",
]

_BY_STATUS: Dict[int, Type[exc.SmartflowError]] = {
    400: exc.ValidationError,
    401: exc.AuthenticationError,
    402: exc.BudgetExceededError,
    403: exc.ComplianceError,
    404: exc.NotFoundError,
    408: exc.TimeoutError,
    413: exc.ValidationError,
    422: exc.ValidationError,
    429: exc.RateLimitError,
    502: exc.ProviderError,
    503: exc.ProviderError,
    504: exc.TimeoutError,
    529: exc.ProviderError,
}
_BUDGET_WORDS = frozenset({"insufficient_quota", "budget_exceeded"})
# In-band error events have no status; their type or code tells the class.
_BY_WORD: Dict[str, Type[exc.SmartflowError]] = {
    "authentication_error": exc.AuthenticationError,
    "invalid_api_key": exc.AuthenticationError,
    "permission_error": exc.AuthenticationError,
    "compliance_violation": exc.ComplianceError,
    "content_filter": exc.ComplianceError,
    "not_found_error": exc.NotFoundError,
    "invalid_request_error": exc.ValidationError,
    "rate_limit_error": exc.RateLimitError,
    "rate_limit_exceeded": exc.RateLimitError,
    "insufficient_quota": exc.BudgetExceededError,
    "budget_exceeded": exc.BudgetExceededError,
    "timeout_error": exc.TimeoutError,
    "provider_error": exc.ProviderError,
    "overloaded_error": exc.ProviderError,
    "api_error": exc.ProviderError,
    "server_error": exc.ProviderError,
}


class Reply:
    """An answer as the core sees it: the transports' replies have at least this.

    `secrets` are those of its call, which errors about its content must not show; `reader` understands the events of a
    stream that is not in the gateway's shape.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    secrets: Tuple[Secret, ...] = ()
    reader: Any = None

    @property
    def media_type(self) -> str:
        """What the body is, in lower case and without parameters; empty when the answer does not say."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


class TransportFailure(Exception):
    """No complete answer came.

    `sent` says whether the request may have reached the server; `phase` is the limit that ran out, or None.
    """

    def __init__(self, message: str, *, sent: bool, phase: Optional[str] = None) -> None:
        super().__init__(message)
        self.sent = sent
        self.phase = phase


def request_id_of(headers: Mapping[str, str]) -> Optional[str]:
    """The gateway's id of the call."""
    return headers.get("x-smartflow-request-id") or headers.get("x-request-id") or headers.get("request-id")


def cause_of(failure: BaseException, secrets: Iterable[Secret]) -> Optional[BaseException]:
    """What a failure came from, for tracebacks; None where its text would show a secret."""
    cause = failure.__cause__
    return cause if cause is not None and redact(str(cause), secrets) == str(cause) else None


def error_for_failure(
    failure: TransportFailure,
    url: str,
    operation: str,
    attempts: int,
    secrets: Iterable[Secret] = (),
    peer: Peer = GATEWAY,
) -> exc.SmartflowError:
    """The error for a call that got no answer."""
    where = redact(url.split("?")[0], secrets)
    if failure.phase is not None:
        message = f"{operation} at {where} took longer than its {failure.phase} limit: {redact(str(failure), secrets)}"
        facts: Dict[str, Any] = {"attempts": attempts, "operation": operation, "provider": peer.provider}
        return exc.TimeoutError(message, phase=failure.phase, **facts)
    verb = "broke off" if failure.sent else "cannot be reached"
    message = f"{where} {verb}: {redact(str(failure), secrets)}"
    cure = "" if failure.sent else peer.unreachable(url)
    message += f"; {cure}" if cure else ""
    return exc.ConnectionError(message, attempts=attempts, operation=operation, provider=peer.provider)


def error_for_reply(
    reply: Reply,
    operation: str,
    attempts: int,
    now: datetime,
    secrets: Iterable[Secret] = (),
    peer: Peer = GATEWAY,
) -> exc.SmartflowError:
    """The error for an answer with a status of 300 or more."""
    status, headers = reply.status, redact_value(dict(reply.headers), secrets)
    facts: Dict[str, Any] = {"status_code": status, "headers": headers, "attempts": attempts, "operation": operation}
    if status < 400:
        target = headers.get("location", "an unnamed place")
        message = f"{operation} was redirected to {target}; redirects are not followed: use that address as base URL"
        return exc.SmartflowError(message, request_id=request_id_of(headers), **facts)
    body = _body(reply.content, secrets)
    detail = _detail(peer.error_body(status, body))
    error_class = _class_for(status, detail, peer)
    message = detail.pop("message", None) or _status_message(operation, status, body)
    cure = peer.cure(status)
    message += f"; {cure}" if cure else ""
    retry_after = parse_retry_after(headers, now)
    body_retry_after = detail.pop("retry_after", None)
    if retry_after is None:
        retry_after = body_retry_after
    request_id = request_id_of(headers) or detail.pop("request_id", None)
    detail.pop("request_id", None)
    return error_class(message, body=body, retry_after=retry_after, request_id=request_id, **facts, **detail)


def error_for_event(
    payload: Mapping[str, Any], operation: str, headers: Mapping[str, str], secrets: Iterable[Secret] = ()
) -> exc.SmartflowError:
    """The error for an error event inside a stream."""
    body = redact_value(dict(payload), secrets)
    headers = redact_value(dict(headers), secrets)
    detail = _detail(body)
    error_class: Type[exc.SmartflowError] = exc.ProviderError
    for word in (detail.get("code"), detail.get("type")):
        if word in _BY_WORD:
            error_class = _BY_WORD[word]
            break
    message = detail.pop("message", None) or f"the stream of {operation} reported an error"
    request_id = request_id_of(headers) or detail.pop("request_id", None)
    detail.pop("request_id", None)
    retry_after = detail.pop("retry_after", None)
    return error_class(
        message,
        body=body,
        headers=headers,
        operation=operation,
        request_id=request_id,
        retry_after=retry_after,
        **detail,
    )


def with_facts(error: exc.ResponseValidationError, operation: str, reply: Reply) -> exc.ResponseValidationError:
    """The error with what is known of the call. Whoever raised it knew no secrets: here they are taken out."""
    secrets = reply.secrets
    body = error.body if error.body is not None else reply.content
    error.message = redact(f"{operation}: {error.message}", secrets)
    error.args = (error.message,)
    error.operation = operation
    error.status_code = reply.status
    error.headers = redact_value(dict(reply.headers), secrets)
    error.request_id = request_id_of(error.headers)
    error.body = preview(body, secrets) if isinstance(body, bytes) else redact_value(body, secrets)
    return error


def _class_for(status: int, detail: Mapping[str, Any], peer: Peer) -> Type[exc.SmartflowError]:
    if status == 429 and (detail.get("code") in _BUDGET_WORDS or detail.get("type") in _BUDGET_WORDS):
        return exc.BudgetExceededError
    if status == 403 and peer.provider:
        # A provider's 403 is about the key; only a gateway has policies that block.
        return exc.AuthenticationError
    failed = exc.ProviderError if peer.provider and status >= 500 else exc.SmartflowError
    return _BY_STATUS.get(status, failed)


def _body(content: bytes, secrets: Iterable[Secret]) -> Any:
    try:
        return redact_value(json.loads(content), secrets)
    except (ValueError, RecursionError):
        return preview(content, secrets)


def _status_message(operation: str, status: int, body: Any) -> str:
    text = body.strip() if isinstance(body, str) else ""
    if not text or text.startswith("<"):
        return f"{operation} was answered with status {status} and no readable reason"
    return f"{operation} was answered with status {status}: {text[:300]}"


def _detail(body: Any) -> Dict[str, Any]:
    """The facts of an error body, whichever of the known shapes it has."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return {}
    found: Dict[str, Any] = {}
    inner = body.get("error")
    if not inner and isinstance(body.get("detail"), dict):
        inner = body["detail"]
    source = inner if isinstance(inner, dict) else body
    if isinstance(source.get("error"), str):
        found["message"] = source["error"]
    if "message" not in found:
        found["message"] = _message(source)
    for name in ("code", "type", "param", "provider", "request_id"):
        if isinstance(source.get(name), str):
            found[name] = source[name]
    if "request_id" not in found and isinstance(body.get("request_id"), str):
        found["request_id"] = body["request_id"]
    for name in ("retry_after", "risk_score"):
        found[name] = _number(source.get(name))
    violations = source.get("violations")
    if isinstance(violations, list):
        found["violations"] = [v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in violations]
    if isinstance(body.get("details"), dict):
        found["details"] = body["details"]
    return {name: value for name, value in found.items() if value is not None}


def _number(value: Any) -> Optional[float]:
    """A finite number that is not negative, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _message(source: Mapping[str, Any]) -> Optional[str]:
    for name in ("message", "detail", "title", "error_description"):
        value = source.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value:
            return "; ".join(_validation_item(item) for item in value[:5])
    return None


def _validation_item(item: Any) -> str:
    """One entry of the list of faults that FastAPI puts into `detail`."""
    if isinstance(item, dict) and "msg" in item:
        steps = item.get("loc")
        place: List[str] = [str(step) for step in steps] if isinstance(steps, list) else []
        return f"{'.'.join(place)}: {item['msg']}" if place else str(item["msg"])
    return str(item)
