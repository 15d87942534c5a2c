"""THE PIPELINE: one call from its options to its answer, without any I/O.

`exchange()` yields what has to be done (`Send`, `Read`, `Sleep`); a runner does it, sends the result in, or throws a
`TransportFailure`. Order, fixed here and nowhere else: options, auth, send, read an error's body, decide, return.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Callable, Generator, Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

from ..exceptions import BudgetExceededError, RateLimitError, SmartflowError
from ..types.options import ResponseInfo
from .call import Call, Header, Options, WireRequest
from .errors import Reply, TransportFailure, cause_of, error_for_failure, error_for_reply, request_id_of
from .limits import LimitReached, Limits
from .retry import MAX_RETRY_AFTER, RetryBudget, backoff, is_retryable_status
from .secrets import Secret

__all__ = ["Environment", "Read", "Send", "Sleep", "Step", "exchange"]

# An error's body is short; one that dribbles must not keep the caller from the error.
ERROR_BODY_SECONDS = 5.0
log = logging.getLogger("smartflow")
SECRET_HEADERS = frozenset(
    {b"authorization", b"proxy-authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"cookie"}
)


class Send(NamedTuple):
    """Send the request; the answer's status and headers come back as a reply whose body is not read."""

    request: WireRequest
    limits: Limits


class Read(NamedTuple):
    """Read the rest of the reply into its `content`."""

    reply: Any
    limits: Limits


class Sleep(NamedTuple):
    """Wait before the next try."""

    seconds: float


Step = Union[Send, Read, Sleep]


class Environment(NamedTuple):
    """All that a call takes from outside: identity, and the sources of time and chance."""

    common_headers: Iterable[Header]
    secrets: Tuple[Secret, ...]
    budget: RetryBudget
    clock: Callable[[], float]
    now: Callable[[], datetime]
    random: Callable[[], float]
    new_id: Callable[[Call], str]


def exchange(call: Call, options: Options, env: Environment) -> Generator[Step, Any, Any]:
    """Carry out one call; returns its reply (of a stream: unread), or raises a SmartflowError."""
    timeouts = options.timeouts.for_stream() if call.stream else options.timeouts
    limits = Limits(timeouts, env.clock)
    common: List[Header] = list(env.common_headers)
    if not call.idempotent:
        # One key for all tries of this call, so that a gateway that already did the work does not do it again.
        common.append((b"idempotency-key", env.new_id(call).encode("ascii")))
    request = call.to_wire(common, options.headers)
    env = env._replace(secrets=(*env.secrets, *_given_secrets(request)))
    taken = 0.0
    attempt = 0
    while True:
        reply, error, may_retry = yield from _try(call, request, limits, env, attempt)
        if error is None:
            env.budget.success(taken)
            reply.secrets = env.secrets
            _tell(options, call.operation, reply.status, reply.headers, attempt)
            return reply
        pause = _pause(error, attempt, options.max_retries, limits, env) if may_retry else None
        cost = 0.0 if pause is None else env.budget.take(isinstance(error, RateLimitError))
        if pause is None or not cost:
            if error.status_code is not None:
                _tell(options, call.operation, error.status_code, error.headers, attempt)
            raise error
        taken += cost
        log.debug("%s: try %d failed (%s), next in %.2f s", call.operation, attempt + 1, type(error).__name__, pause)
        yield Sleep(pause)
        attempt += 1


def _tell(options: Options, operation: str, status: int, headers: Mapping[str, str], attempt: int) -> None:
    if options.on_response is not None:
        options.on_response(ResponseInfo(operation, status, request_id_of(headers), headers, attempt + 1))


def _given_secrets(request: WireRequest) -> List[Secret]:
    """The keys that a caller put into headers of this call: errors must not show them either."""
    values = [value.decode("latin-1") for name, value in request.headers if name in SECRET_HEADERS]
    return [Secret(value.split(" ")[-1]) for value in values]


def _try(
    call: Call, request: WireRequest, limits: Limits, env: Environment, attempt: int
) -> Generator[Step, Any, Tuple[Any, Optional[SmartflowError], bool]]:
    """One try: the reply, or the error and whether another try is allowed."""
    limits.attempt()
    try:
        reply = yield Send(request, limits)
        if reply.status >= 300:
            error = yield from _error_answer(call, reply, limits, env, attempt)
            # A budget that is used up does not come back within the seconds that a retry waits.
            spent = isinstance(error, BudgetExceededError)
            return None, error, is_retryable_status(reply.status) and not spent
        if not call.stream:
            yield Read(reply, limits)
    except TransportFailure as failure:
        error = error_for_failure(failure, request.url, call.operation, attempt + 1, env.secrets, call.peer)
        error.__cause__ = cause_of(failure, env.secrets)
        return None, error, failure.phase != "total" and (not failure.sent or call.idempotent)
    except LimitReached as reached:
        late = TransportFailure("no time was left", sent=True, phase=reached.phase)
        return None, error_for_failure(late, request.url, call.operation, attempt + 1, env.secrets, call.peer), False
    return reply, None, False


def _error_answer(
    call: Call, reply: Reply, limits: Limits, env: Environment, attempt: int
) -> Generator[Step, Any, SmartflowError]:
    try:
        with limits.at_most(ERROR_BODY_SECONDS):
            yield Read(reply, limits)
    except (TransportFailure, LimitReached, SmartflowError):
        # The status is known, and it is what matters: a body that breaks off or cannot be decoded must not hide it.
        reply.content = b""
    return error_for_reply(reply, call.operation, attempt + 1, env.now(), env.secrets, call.peer)


def _pause(error: SmartflowError, attempt: int, max_retries: int, limits: Limits, env: Environment) -> Optional[float]:
    """Seconds to wait before the next try, or None when there is to be none."""
    if attempt >= max_retries:
        return None
    pause = backoff(attempt, env.random)
    if error.retry_after is not None:
        # A wait that the server asks for is obeyed or becomes an error; it is never shortened.
        if error.retry_after > MAX_RETRY_AFTER:
            return None
        pause = max(pause, error.retry_after)
    remaining = limits.remaining
    return None if remaining is not None and pause >= remaining else pause
