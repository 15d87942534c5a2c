"""Lets the items of a batch start by its limits; any thread may ask."""

from __future__ import annotations

import threading
import time
from typing import Callable, NamedTuple, Optional

from .._core.pacing import Allowance, Pace, Place

__all__ = ["Governor", "Ticket"]


class Ticket(NamedTuple):
    """Leave to start after so many seconds."""

    seconds: float
    place: Optional[Place]


class Governor:
    """Holds the limits of one batch: requests and tokens a minute, and a budget in US cents."""

    def __init__(
        self,
        rpm: Optional[int],
        tpm: Optional[int],
        allowance: Optional[Allowance],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock = threading.Lock()
        self._pace = Pace(rpm, tpm) if rpm is not None or tpm is not None else None
        self._allowance = allowance
        self._clock = clock
        self._used = 0
        self._ended = 0

    def admit(self, tokens: int) -> Ticket:
        """Leave for an item that needs about so many tokens, or as many as the average did; BudgetExceededError when there is none."""
        with self._lock:
            if self._allowance is not None:
                self._allowance.take()
            if self._pace is None:
                return Ticket(0.0, None)
            now = self._clock()
            average = self._used // self._ended if self._ended else 0
            place = self._pace.reserve(now, max(tokens, average))
            return Ticket(place.at - now, place)

    def settle(self, ticket: Ticket, tokens: int, cost_cents: float) -> None:
        """An item that had leave has ended."""
        with self._lock:
            if self._allowance is not None:
                self._allowance.give(cost_cents)
            if self._pace is not None and ticket.place is not None:
                self._ended += 1
                self._used += tokens
                self._pace.settle(ticket.place, tokens)
