"""What follows a failed attempt: the same target after a pause, the next one, or the error. Pure: no clock, no sleep, no network."""

from __future__ import annotations

from collections.abc import Callable

from smartflow.gateway.errors import GatewayError
from smartflow.gateway.routing.chains import Chain

MAX_WAIT_SECONDS = 5.0
"""The longest pause that a call takes for a provider's Retry-After. With a longer one the next target is asked, and this one rests."""

_MAX_BACKOFF_SECONDS = 8.0
_TEMPORARY = frozenset({429, 502, 503, 504})


def pause(chain: Chain, error: GatewayError, retries: int, random: Callable[[], float]) -> float | None:
    """In how many seconds the same target is asked again, after it was `retries` times; None when the next one is asked instead."""
    if error.repeat_after is None or retries >= chain.max_retries or error.repeat_after > MAX_WAIT_SECONDS:
        return None
    growing = min(chain.backoff_ms / 1000 * float(2**retries), _MAX_BACKOFF_SECONDS)
    return error.repeat_after or random() * growing


def told(failures: list[GatewayError]) -> GatewayError:
    """Which of the failures of all targets the caller hears: the last that may pass, else the first, which is about the request."""
    return next((error for error in reversed(failures) if error.status in _TEMPORARY), failures[0])
