"""The time limits of one running call: how long the next wait may take, and which limit that is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Iterator, Optional, Tuple

from ..types.options import Timeouts

__all__ = ["LimitReached", "Limits"]

Clock = Callable[[], float]


class LimitReached(Exception):
    """A limit ran out; `phase` is its name in `Timeouts`."""

    def __init__(self, phase: str) -> None:
        super().__init__(phase)
        self.phase = phase


class Limits:
    """Counts one call's time. `clock` gives seconds that never go back."""

    __slots__ = ("_clock", "_deadline", "_progress_at", "_waiting_for", "started", "timeouts")

    def __init__(self, timeouts: Timeouts, clock: Clock) -> None:
        self.timeouts = timeouts
        self._clock = clock
        self.started = clock()
        self._deadline = None if timeouts.total is None else self.started + timeouts.total
        self._progress_at = self.started
        self._waiting_for = "first_byte"

    def attempt(self) -> None:
        """A new try begins: its first byte is awaited from now."""
        self._progress_at = self._clock()
        self._waiting_for = "first_byte"

    def sent(self) -> None:
        """A piece of the request was sent: the first byte is awaited from now."""
        if self._waiting_for == "first_byte":
            self._progress_at = self._clock()

    def progress(self) -> None:
        """Something useful arrived: the idle limit starts anew."""
        self._progress_at = self._clock()
        self._waiting_for = "idle"

    def finish_within(self, seconds: float) -> None:
        """What matters has arrived: only this many seconds are left for the rest."""
        end = self._clock() + seconds
        self._deadline = end if self._deadline is None else min(self._deadline, end)

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Inside, no more than this many seconds are left; afterwards as many as before."""
        deadline = self._deadline
        self.finish_within(seconds)
        try:
            yield
        finally:
            self._deadline = deadline

    @property
    def waiting_for(self) -> str:
        """What the next read waits for: `first_byte`, or after progress the end of an `idle` time."""
        return self._waiting_for

    @property
    def remaining(self) -> Optional[float]:
        """Seconds until the total limit, or None without one."""
        return None if self._deadline is None else self._deadline - self._clock()

    def connect(self) -> Tuple[Optional[float], str]:
        """The longest time that opening a connection may take, and the limit's name."""
        return self._shorter(self.timeouts.connect, "connect")

    def write(self) -> Tuple[Optional[float], str]:
        """The longest time that one write may take."""
        return self._shorter(self.timeouts.idle, "write")

    def read(self) -> Tuple[Optional[float], str]:
        """The longest time that the next read may take; raises LimitReached when there is none left."""
        phase = self._waiting_for
        allowed = self.timeouts.first_byte if phase == "first_byte" else self.timeouts.idle
        if allowed is not None:
            allowed -= self._clock() - self._progress_at
        return self._shorter(allowed, phase)

    def _shorter(self, seconds: Optional[float], phase: str) -> Tuple[Optional[float], str]:
        if self._deadline is not None:
            remaining = self._deadline - self._clock()
            if seconds is None or remaining < seconds:
                seconds, phase = remaining, "total"
        if seconds is not None and seconds <= 0:
            raise LimitReached(phase)
        return seconds, phase
