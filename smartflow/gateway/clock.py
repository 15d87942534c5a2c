"""Time and identifiers of the gateway, as objects, so that a test can hold both in its hands."""

from __future__ import annotations

import itertools
import secrets
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the gateway asks about time."""

    def now(self) -> datetime:
        """The wall-clock time, with the UTC zone."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for durations."""
        ...


class Ids(Protocol):
    """Where the gateway's identifiers come from."""

    def new(self, prefix: str) -> str:
        """A fresh identifier of the form `prefix_...`."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class RandomIds:
    """Identifiers that cannot be guessed."""

    def new(self, prefix: str) -> str:
        return f"{prefix}_{secrets.token_hex(12)}"


class CountingIds:
    """Identifiers that come out equal in every run: `req_000001`, `req_000002`, ..."""

    def __init__(self) -> None:
        self._next = itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}_{next(self._next):06d}"


def iso(moment: datetime) -> str:
    """A moment as ISO-8601 UTC with milliseconds; text order is time order."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
