"""What batches give back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, List, Optional, TypeVar

from .chat import Usage

__all__ = ["BatchItem", "BatchResult", "BatchSummary"]

T = TypeVar("T")


@dataclass(frozen=True)
class BatchItem(Generic[T]):
    """What became of one item of a batch.

    Attributes:
        index: The item's place in the list that was given, from 0.
        item: The item itself.
        result: What it gave; None when it failed.
        error: Why it failed, or None.
        usage: Tokens of its calls, also of calls that were made before it failed.
        cost_cents: Estimated cost of its calls in US cents, as far as the gateway told.
        calls: How many answers it took that count tokens.
        cached: How many of them came from the gateway's cache.
        resumed: Whether the result comes from the journal of an earlier run.
    """

    index: int
    item: Any
    result: Optional[T] = None
    error: Optional[Exception] = None
    usage: Usage = field(default_factory=Usage)
    cost_cents: float = 0.0
    calls: int = 0
    cached: int = 0
    resumed: bool = False

    @property
    def ok(self) -> bool:
        """Whether the item has a result."""
        return self.error is None


@dataclass(frozen=True)
class BatchSummary:
    """The sums of a batch, or of what is done of it so far.

    Attributes:
        total: How many items the batch has.
        succeeded: Items that have a result, those of earlier runs included.
        failed: Items that failed.
        resumed: Items whose result comes from the journal of an earlier run.
        usage: Tokens of all calls together, those of earlier runs included.
        cost_cents: Estimated cost in US cents, as far as the gateway told.
        calls: How many answers were got that count tokens.
        cached: How many of them came from the gateway's cache.
        duration_seconds: Seconds that this run took.
    """

    total: int
    succeeded: int = 0
    failed: int = 0
    resumed: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_cents: float = 0.0
    calls: int = 0
    cached: int = 0
    duration_seconds: float = 0.0

    @property
    def done(self) -> int:
        """Items that have succeeded or failed."""
        return self.succeeded + self.failed

    @property
    def cache_hit_rate(self) -> float:
        """The share of the answers that came from the gateway's cache, 0 to 1."""
        return self.cached / self.calls if self.calls else 0.0


@dataclass(frozen=True)
class BatchResult(Generic[T]):
    """A finished batch.

    Attributes:
        items: What became of each item, in the order in which they were given.
        summary: Counts, tokens, cost and time.
    """

    items: List[BatchItem[T]]
    summary: BatchSummary

    @property
    def results(self) -> List[Optional[T]]:
        """The result of each item, in order; None for those that failed."""
        return [each.result for each in self.items]

    @property
    def failures(self) -> List[BatchItem[T]]:
        """The items that failed, in order."""
        return [each for each in self.items if each.error is not None]

    def raise_for_failures(self) -> None:
        """Raise the error of the first item that failed; do nothing when there is none."""
        for each in self.failures:
            if each.error is not None:
                raise each.error
