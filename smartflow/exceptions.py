"""The errors of the SDK. Everything that a public method raises is in this tree.

SmartflowError
├── ConfigError                    wrong arguments of a client, wrong environment or configuration file
├── ConnectionError                the gateway cannot be reached (also a builtin ConnectionError)
│   └── StreamInterruptedError     a stream ended before its end marker; carries the partial text
├── TimeoutError                   408, 504, or a limit of ours ran out (also a builtin TimeoutError)
├── AuthenticationError            401
├── ComplianceError                403: blocked by a compliance policy
├── NotFoundError                  404
├── ValidationError                400, 413, 422, or an argument that cannot be sent (also a builtin ValueError)
├── RateLimitError                 429
│   └── BudgetExceededError        402, or 429 because a budget is used up
├── ProviderError                  502, 503, 529: the provider behind the gateway failed
├── ResponseValidationError        the answer is not what the contract says
├── CacheError                     reserved; nothing raises it today
└── DirectModeError                the method needs a gateway
"""

from __future__ import annotations

import builtins
from typing import Any, List, Mapping, Optional, Sequence

__all__ = [
    "AuthenticationError",
    "BudgetExceededError",
    "CacheError",
    "ComplianceError",
    "ConfigError",
    "ConnectionError",
    "DirectModeError",
    "NotFoundError",
    "ProviderError",
    "RateLimitError",
    "ResponseValidationError",
    "SmartflowError",
    "StreamInterruptedError",
    "TimeoutError",
    "ValidationError",
]


class SmartflowError(Exception):
    """Base of all errors of the SDK.

    Attributes:
        message: What went wrong, in one sentence; never contains a key.
        status_code: The HTTP status, or None when no answer came.
        code: The stable name of the error, for example `rate_limited`.
        type: The family of the error as the gateway names it.
        request_id: The gateway's id of the call, for its audit log and for support.
        retry_after: Seconds that the gateway asks to wait, or None.
        body: The decoded body of the error answer, or its beginning as text.
        headers: The headers of the error answer, names in lower case.
        attempts: How many times the call was tried.
        operation: The operation that was called, for example `createChatCompletion`.
        details: Further facts from the answer's `details`.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: Optional[int] = None,
        code: Optional[str] = None,
        type: Optional[str] = None,
        param: Optional[str] = None,
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
        body: Any = None,
        headers: Optional[Mapping[str, str]] = None,
        attempts: int = 0,
        operation: Optional[str] = None,
        details: Optional[Mapping[str, Any]] = None,
        provider: Optional[str] = None,
        violations: Sequence[str] = (),
        risk_score: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body
        self.headers: Mapping[str, str] = headers if headers is not None else {}
        self.attempts = attempts
        self.operation = operation
        self.details: Mapping[str, Any] = details if details is not None else {}
        self.provider = provider
        self.violations: List[str] = list(violations)
        self.risk_score = risk_score

    def __str__(self) -> str:
        facts = []
        if self.status_code is not None:
            facts.append(f"status {self.status_code}")
        if self.request_id:
            facts.append(f"request {self.request_id}")
        if self.attempts > 1:
            facts.append(f"{self.attempts} attempts")
        return f"{self.message} ({', '.join(facts)})" if facts else self.message

    def __reduce__(self) -> Any:
        return _rebuild, (self.__class__, self.message, self.__dict__.copy())


def _rebuild(cls: Any, message: str, state: Mapping[str, Any]) -> SmartflowError:
    """A copy of an error, for pickle: the keyword-only arguments do not fit its default protocol."""
    error: SmartflowError = cls.__new__(cls, message)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class ConfigError(SmartflowError, ValueError):
    """An argument of a client, the environment or the configuration file is wrong."""


class ConnectionError(SmartflowError, builtins.ConnectionError):
    """The gateway cannot be reached, or the connection broke before an answer came."""


class StreamInterruptedError(ConnectionError):
    """A stream ended without its end marker, so the answer is not complete.

    Attributes:
        partial_text: The text that had arrived.
        usage: The token usage that had arrived, or None.
    """

    def __init__(self, message: str, *, partial_text: str = "", usage: Any = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.partial_text = partial_text
        self.usage = usage


class TimeoutError(SmartflowError, builtins.TimeoutError):
    """The call took longer than one of its limits.

    Attributes:
        phase: Which limit ran out: `connect`, `first_byte`, `idle`, `write`, `pool`, `total`, or `gateway` (408, 504).
        partial_text: The text that had arrived, when the call was a stream.
    """

    def __init__(self, message: str, *, phase: str = "gateway", partial_text: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.phase = phase
        self.partial_text = partial_text


class AuthenticationError(SmartflowError):
    """The key is missing, wrong or revoked (401)."""


class ComplianceError(SmartflowError):
    """A compliance policy blocked the call (403); `violations` and `risk_score` say why."""


class NotFoundError(SmartflowError):
    """There is nothing of that name (404)."""


class ValidationError(SmartflowError, ValueError):
    """The request is not valid (400, 413, 422, or found before sending); `param` names the argument."""


class RateLimitError(SmartflowError):
    """A rate limit is reached (429); `retry_after` says for how many seconds, when known."""


class BudgetExceededError(RateLimitError):
    """A budget is used up (402, or 429 with `budget_exceeded` or `insufficient_quota`)."""


class ProviderError(SmartflowError):
    """The provider behind the gateway failed (502, 503, 529); `provider` names it."""


class ResponseValidationError(SmartflowError):
    """The answer is not what the contract says; `body` holds its beginning."""


class CacheError(SmartflowError):
    """Reserved for failures of MetaCache; nothing raises it today."""


class DirectModeError(SmartflowError):
    """The method needs a Smartflow gateway, and the client runs in direct mode."""


for _name in __all__:
    # Tracebacks and pickles then name the documented path `smartflow.X`.
    globals()[_name].__module__ = "smartflow"
