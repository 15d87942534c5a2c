"""The one exception that handlers raise, and the one place that turns it into the contract's error body."""

from __future__ import annotations

from typing import Any

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
    501: "not_implemented_error",
    502: "provider_error",
    503: "provider_error",
    504: "timeout_error",
}


class GatewayError(Exception):
    """A refusal or a failure with its HTTP status. The message never holds a secret or the text of a request."""

    def __init__(
        self,
        status: int,
        type: str | None,
        code: str,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        details: dict[str, Any] | None = None,
        outcome_unknown: bool = False,
        repeat_after: float | None = None,
        **extras: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type or _TYPES.get(status, "internal_error")
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.details = details
        # True where a provider may have done, and be paid for, what it did not answer: such a call is not made again by itself.
        self.outcome_unknown = outcome_unknown
        # In how many seconds the same provider may be asked again; None where asking again would not help, or might be paid twice.
        self.repeat_after = repeat_after
        # param, retry_after, provider, risk_score, violations: the members that ErrorDetail names.
        self.extras = {name: value for name, value in extras.items() if value is not None}

    def body(self, request_id: str, *, anthropic: bool = False) -> dict[str, Any]:
        """The error body of the contract; the Anthropic paths add their top-level `type`."""
        detail = {
            "message": self.message,
            "type": self.type,
            "code": self.code,
            **self.extras,
            "request_id": request_id,
        }
        body: dict[str, Any] = {"type": "error", "error": detail} if anthropic else {"error": detail}
        if self.details is not None:
            body["details"] = self.details
        return body

    def all_headers(self) -> dict[str, str]:
        """The headers of the error answer, `Retry-After` included when a time to wait is known."""
        retry_after = self.extras.get("retry_after")
        return {**self.headers, **({"retry-after": str(retry_after)} if retry_after is not None else {})}


def bad_request(message: str, param: str | None = None, code: str = "invalid_request") -> GatewayError:
    """A 400 that names the wrong field."""
    return GatewayError(400, None, code, message, param=param)


def not_found(message: str) -> GatewayError:
    """A 404 for a thing that does not exist."""
    return GatewayError(404, None, "not_found", message)


def storage_failed() -> GatewayError:
    """A 500 for a call that could not be written down: without its row it does not count as answered."""
    return GatewayError(
        500,
        "internal_error",
        "storage_failed",
        "the gateway cannot use its database, so the call does not count: free space on the disk of its data folder, or mend the folder",
    )


def internal_error() -> GatewayError:
    """A 500 that tells nothing; the log has the reason under the request id."""
    return GatewayError(
        500, "internal_error", "internal_error", "the gateway failed; its log names the reason under this request id"
    )
