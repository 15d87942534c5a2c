"""What this process sees of the traffic to each provider: latency of late, calls that run, and the circuit breaker. Pure but for its memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LATENCY_SECONDS = 60.0
"""How long a measured latency counts; then the provider is tried again, to see whether it has changed."""

_NEWEST_SHARE = 0.3


@dataclass
class Meter:
    """One provider. Times are seconds of a clock that never runs backwards."""

    running: int = 0
    latency_ms: float | None = None
    measured_at: float = 0.0
    failures: int = 0
    open_until: float | None = None
    rest_until: float = 0.0


class Traffic:
    """The meters of all providers.

    After `failures` failed calls in a row a circuit opens for `seconds`; then one call may try, and closes or opens it again.
    """

    def __init__(self, *, failures: int = 5, seconds: float = 30.0) -> None:
        self._failures = failures
        self._seconds = seconds
        self._meters: dict[str, Meter] = {}

    def meter(self, provider: str) -> Meter:
        """The meter of a provider."""
        return self._meters.setdefault(provider, Meter())

    @contextmanager
    def busy(self, provider: str) -> Iterator[None]:
        """Count a call as running."""
        meter = self.meter(provider)
        meter.running += 1
        try:
            yield
        finally:
            meter.running -= 1

    def latency(self, provider: str, now: float) -> float | None:
        """The latency of late in milliseconds, or None."""
        meter = self.meter(provider)
        return meter.latency_ms if now - meter.measured_at < LATENCY_SECONDS else None

    def answered(self, provider: str, latency_ms: float, now: float) -> None:
        """A call was answered."""
        meter, known = self.meter(provider), self.latency(provider, now)
        meter.latency_ms = latency_ms if known is None else known + _NEWEST_SHARE * (latency_ms - known)
        meter.measured_at = now
        self.alive(provider)

    def alive(self, provider: str) -> None:
        """The provider works, whatever it said: the circuit closes."""
        meter = self.meter(provider)
        meter.failures, meter.open_until = 0, None

    def failed(self, provider: str, now: float) -> None:
        """A call failed at the provider."""
        meter = self.meter(provider)
        meter.failures += 1
        if meter.failures >= self._failures:
            meter.open_until = max(meter.open_until or 0.0, now + self._seconds)

    def rest(self, provider: str, seconds: float, now: float) -> None:
        """The provider has asked to be left alone for so long."""
        meter = self.meter(provider)
        meter.rest_until = max(meter.rest_until, now + seconds)

    def closed_in(self, provider: str, now: float) -> float:
        """In how many seconds a call may be sent; 0 when at once."""
        meter = self.meter(provider)
        return max(0.0, (meter.open_until or 0.0) - now, meter.rest_until - now)

    def resting(self, provider: str, now: float) -> bool:
        """Whether the provider has asked to be left alone."""
        return now < self.meter(provider).rest_until

    def admit(self, provider: str, now: float) -> bool:
        """Whether a call may be sent now. In a half-open circuit only the first may; it blocks all others until it ends."""
        if self.closed_in(provider, now):
            return False
        meter = self.meter(provider)
        if meter.open_until is not None:
            meter.open_until = now + self._seconds
        return True

    def circuit(self, provider: str, now: float) -> str:
        """`closed`, `open` or `half_open`."""
        if self.closed_in(provider, now):
            return "open"
        return "closed" if self.meter(provider).open_until is None else "half_open"
