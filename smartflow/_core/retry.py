"""When to try again, and after how long."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Callable, Mapping, Optional

__all__ = ["MAX_RETRY_AFTER", "RetryBudget", "backoff", "is_retryable_status", "parse_retry_after"]

BASE_DELAY = 0.5
MAX_DELAY = 8.0
MAX_RETRY_AFTER = 120.0
# The budget stops a client from multiplying the load of a gateway that is already failing.
BUDGET = 500.0
COST = 14.0
COST_THROTTLED = 5.0
REFILL = 1.0

_NEVER = frozenset({501, 505})
_ALWAYS = frozenset({408, 409, 425, 429})


def is_retryable_status(status: int) -> bool:
    """Whether a call that got this status may succeed if it is sent again."""
    return status in _ALWAYS or (status >= 500 and status not in _NEVER)


def backoff(attempt: int, random: Callable[[], float]) -> float:
    """The pause after the given attempt (0 is the first), in seconds, with full jitter."""
    return random() * float(min(MAX_DELAY, BASE_DELAY * 2 ** min(attempt, 30)))


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> Optional[float]:
    """The seconds that an answer asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if text is None:
        return None
    seconds = _number(text)
    if seconds is not None:
        return seconds
    import email.utils

    try:
        when = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return max(0.0, (when - now).total_seconds())


def _number(text: Optional[str]) -> Optional[float]:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


class RetryBudget:
    """A token bucket per client: each retry takes from it, each success puts something back.

    Its sums are plain attribute updates: a race between threads may lose a token, never corrupt the bucket.
    """

    __slots__ = ("tokens",)

    def __init__(self) -> None:
        self.tokens = BUDGET

    def take(self, throttled: bool) -> float:
        """The tokens taken for one retry, or 0.0 when the bucket holds too few."""
        cost = COST_THROTTLED if throttled else COST
        if self.tokens < cost:
            return 0.0
        self.tokens -= cost
        return cost

    def success(self, taken: float) -> None:
        """A call succeeded after retries that took `taken` tokens."""
        self.tokens = min(BUDGET, self.tokens + (taken or REFILL))
