"""When the calls of a batch may start: so many a minute, so many tokens a minute, and no more than the budget."""

from __future__ import annotations

from collections import deque
from typing import Deque, Optional

from ..exceptions import BudgetExceededError

__all__ = ["Allowance", "Pace", "Place"]

WINDOW = 60.0


class Place:
    """The place of one call in the minute: when it starts, and the tokens that are kept for it."""

    __slots__ = ("at", "tokens", "within")

    def __init__(self, at: float, tokens: int) -> None:
        self.at = at
        self.tokens = tokens
        # Whether it can still hold up a later call.
        self.within = True


class Pace:
    """Gives calls their times: in any 60 seconds at most `rpm` of them start, with at most `tpm` tokens together."""

    def __init__(self, rpm: Optional[int], tpm: Optional[int]) -> None:
        self._rpm = rpm
        self._tpm = tpm
        self._places: Deque[Place] = deque()
        self._tokens = 0

    def reserve(self, now: float, tokens: int) -> Place:
        """The place of the next call. One that alone needs more tokens than a minute has goes when the minute is empty."""
        at = max(now, self._places[-1].at if self._places else now)
        if self._rpm is not None and len(self._places) >= self._rpm:
            at = max(at, self._places[-self._rpm].at + WINDOW)
        if self._tpm is not None:
            others = self._tokens
            for place in self._places:
                if place.at > at - WINDOW:
                    if others + tokens <= self._tpm:
                        break
                    at = place.at + WINDOW
                others -= place.tokens
        self._forget(at)
        place = Place(at, tokens)
        self._places.append(place)
        self._tokens += tokens
        return place

    def settle(self, place: Place, tokens: int) -> None:
        """The call has used so many tokens instead of those that were kept for it."""
        if place.within:
            self._tokens += tokens - place.tokens
            place.tokens = tokens

    def _forget(self, at: float) -> None:
        """Later calls start no earlier than this one: what is a minute before it holds up none of them."""
        while self._places and self._places[0].at <= at - WINDOW:
            gone = self._places.popleft()
            gone.within = False
            self._tokens -= gone.tokens


class Allowance:
    """A budget in US cents. What runs is taken to cost as much as the average of what has ended."""

    def __init__(self, cents: float, spent: float = 0.0) -> None:
        self._cents = cents
        self._before = spent
        self._spent = 0.0
        self._ended = 0
        self._running = 0

    def take(self) -> None:
        """One more may start; a BudgetExceededError when the budget is used up, or may be by what runs."""
        average = self._spent / self._ended if self._ended else 0.0
        spent = self._before + self._spent
        if spent + average * self._running >= self._cents:
            raise BudgetExceededError(
                f"the budget of the batch, {self._cents / 100:g} US dollars, is used up: the item was not started; "
                "run the batch again with a larger budget= and the same resume=",
                code="batch_budget_exceeded",
            )
        self._running += 1

    def give(self, cents: float) -> None:
        """One that had started has ended, and cost this much."""
        self._running -= 1
        self._ended += 1
        self._spent += cents
