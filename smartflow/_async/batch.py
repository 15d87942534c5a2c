"""One run of a batch: what is left to do, at most so many items at a time, each end of an item written down."""

from __future__ import annotations

import os
import time
import uuid
from functools import partial
from typing import (
    Any,
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Dict,
    Generic,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from .._core.journal import Batch, Entry, digest, plain
from .._core.pacing import Allowance
from .._io import aio
from .._io.governor import Governor
from .._io.journal import Journal
from .._io.meter import CURRENT, Meter
from .._io.progress import Reporter, reporter_of
from ..exceptions import AuthenticationError, ConfigError, DirectModeError, SmartflowError
from ..types.batch import BatchItem, BatchResult, BatchSummary
from ..types.chat import Usage

__all__ = ["AsyncBatch", "Work"]

T = TypeVar("T")
# No item can get round these: the next one would fail in the same way.
_FOR_ALL = (AuthenticationError, ConfigError, DirectModeError)


class Work(NamedTuple):
    """What a batch does with an item, and how its result is kept in a journal."""

    method: str
    run: Callable[[Any], Awaitable[Any]]
    # Tokens that an item will take at least, as far as can be said before it is sent.
    tokens: Callable[[Any], int]
    to_plain: Callable[[Any], Any]
    from_plain: Callable[[Any], Any]
    # What shapes the results, besides the items.
    options: Mapping[str, Any]


class Limits(NamedTuple):
    """How a batch is carried out; all of it may be different when it is resumed."""

    concurrency: int
    rpm: Optional[int]
    tpm: Optional[int]
    budget: Optional[float]
    progress: Union[bool, Callable[[BatchSummary], None], None]
    resume: Union[str, os.PathLike[str], None]


class Job(NamedTuple):
    """One item that is to be done."""

    number: int
    item: Any
    meter: Meter


class AsyncBatch(Generic[T]):
    """A batch that runs while it is iterated: `async for` gives a `BatchItem` as each item ends, failed ones included.

    Leaving the loop ends the batch: nothing further is begun. What the journal of `resume=` holds is not done again.

    Example:
        >>> batch = sf.iter_map_chat(["Say one", "Say two"])
        >>> async for each in batch:
        ...     print(each.index, each.result.content if each.ok else each.error)
        >>> print(batch.summary.usage.total_tokens)
    """

    def __init__(self, work: Work, items: List[Any], limits: Limits, *, ordered: bool) -> None:
        self._work = work
        self._items = items
        self._limits = limits
        self._ordered = ordered
        self._reporter: Optional[Reporter] = reporter_of(limits.progress)
        self._journal: Optional[Journal] = None
        self._governor: Optional[Governor] = None
        self._pauses = aio.Interval()
        self._began: Optional[float] = None
        self._ended_at: Optional[float] = None
        self._sums = _Sums()

    @property
    def summary(self) -> BatchSummary:
        """The sums so far; after the loop those of the batch."""
        now = time.monotonic() if self._ended_at is None else self._ended_at
        return self._sums.told(len(self._items), now - (now if self._began is None else self._began))

    async def run(self) -> BatchResult[T]:
        """Return what became of all items, in their order, when the last one has ended."""
        ended = [each async for each in self]
        return BatchResult(sorted(ended, key=lambda each: each.index), self.summary)

    def __aiter__(self) -> AsyncIterator[BatchItem[T]]:
        if self._began is not None:
            raise SmartflowError("a batch runs once: make another to run it again")
        self._began = time.monotonic()
        return self._in_order() if self._ordered else self._as_completed()

    async def _in_order(self) -> AsyncGenerator[BatchItem[T], None]:
        early: Dict[int, BatchItem[T]] = {}
        following = 0
        ended = self._as_completed()
        try:
            async for each in ended:
                early[each.index] = each
                while following in early:
                    yield early.pop(following)
                    following += 1
        finally:
            await ended.aclose()

    async def _as_completed(self) -> AsyncGenerator[BatchItem[T], None]:
        # A long journal takes a while to read.
        journal = self._journal = await aio.invoke(self._open_journal)
        running = aio.completed(self._jobs(), self._limits.concurrency)
        try:
            self._governor = self._make_governor()
            for entry in [] if journal is None else journal.done.values():
                yield self._count(self._resumed(entry))
            async for job, result, error in running:
                if error is not None and (isinstance(error, _FOR_ALL) or not isinstance(error, Exception)):
                    raise error
                if journal is not None and journal.due:
                    await aio.invoke(journal.sync)
                yield self._count(_ended(job, result, error))
        finally:
            self._pauses.end()
            await running.aclose()
            self._ended_at = time.monotonic()
            if journal is not None:
                journal.close()
            if self._reporter is not None:
                self._reporter.close(self.summary)

    def _open_journal(self) -> Optional[Journal]:
        if self._limits.resume is None:
            return None
        options = {name: digest(value, name) for name, value in self._work.options.items()}
        items = digest(self._items, "items")
        batch = Batch(str(uuid.uuid4()), self._work.method, len(self._items), items, options)
        return Journal(os.fspath(self._limits.resume), batch)

    def _make_governor(self) -> Optional[Governor]:
        _, rpm, tpm, budget, *_ = self._limits
        if rpm is None and tpm is None and budget is None:
            return None
        spent = self._journal.spent_cents if self._journal is not None else 0.0
        return Governor(rpm, tpm, None if budget is None else Allowance(budget * 100, spent))

    def _jobs(self) -> Iterator[Tuple[Job, Callable[[], Awaitable[T]]]]:
        journal = self._journal
        for index, item in enumerate(self._items):
            if journal is None:
                job = Job(index, item, Meter())
            elif index in journal.done:
                continue
            else:
                # A failure that was answered is known to be one: the next try of its item is another call.
                name = f"{index} {journal.failures.get(index, 0)}"
                job = Job(index, item, Meter(uuid.uuid5(uuid.UUID(journal.batch.id), name)))
            yield job, partial(self._carry_out, job)

    async def _carry_out(self, job: Job) -> T:
        governor = self._governor
        if governor is None:
            return await self._recorded(job)
        ticket = governor.admit(self._work.tokens(job.item))
        spending = job.meter.spending
        try:
            if ticket.seconds > 0 and await self._pauses.wait(ticket.seconds):
                raise SmartflowError("the batch was ended before this item was sent")
            result = await self._recorded(job)
        finally:
            governor.settle(ticket, spending.usage.total_tokens, spending.cost_cents)
        if self._limits.budget is not None and job.meter.untold:
            raise ConfigError(
                "budget= cannot be kept: an answer does not tell what it cost (header x-smartflow-cost-usd; a streamed "
                "answer has none): leave budget= out"
            )
        return result

    async def _recorded(self, job: Job) -> T:
        before = CURRENT.set(job.meter)
        try:
            result: T = await self._work.run(job.item)
        except SmartflowError as error:
            if self._journal is not None and error.status_code is not None:
                self._journal.append(self._entry(job, error=f"{type(error).__name__}: {error}"))
            raise
        finally:
            CURRENT.reset(before)
        if self._journal is None:
            return result
        kept = plain(self._work.to_plain(result), f"the result of items[{job.number}]")
        self._journal.append(self._entry(job, result=kept))
        back: T = self._work.from_plain(kept)
        return back

    def _entry(self, job: Job, **ended: Any) -> Entry:
        meter = job.meter
        spent, cost = meter.spending.usage, meter.spending.cost_cents
        return Entry(job.number, **ended, usage=spent, cost_cents=cost, calls=meter.calls, cached=meter.cached)

    def _resumed(self, entry: Entry) -> BatchItem[T]:
        return BatchItem(
            entry.index,
            self._items[entry.index],
            self._work.from_plain(entry.result),
            usage=entry.usage,
            cost_cents=entry.cost_cents,
            calls=entry.calls,
            cached=entry.cached,
            resumed=True,
        )

    def _count(self, ended: BatchItem[T]) -> BatchItem[T]:
        self._sums.add(ended)
        if self._reporter is not None:
            self._reporter.show(self.summary)
        return ended


class _Sums:
    """Counts as plain numbers: a summary is made when somebody looks, not for each of many items."""

    def __init__(self) -> None:
        self._succeeded = self._failed = self._resumed = self._calls = self._cached = 0
        self._prompt = self._completion = self._total = self._cached_tokens = 0
        self._cost_cents = 0.0

    def add(self, ended: BatchItem[Any]) -> None:
        self._succeeded += ended.error is None
        self._failed += ended.error is not None
        self._resumed += ended.resumed
        self._calls += ended.calls
        self._cached += ended.cached
        self._cost_cents += ended.cost_cents
        usage = ended.usage
        self._prompt += usage.prompt_tokens
        self._completion += usage.completion_tokens
        self._total += usage.total_tokens
        self._cached_tokens += usage.cached_tokens

    def told(self, total: int, seconds: float) -> BatchSummary:
        return BatchSummary(
            total,
            succeeded=self._succeeded,
            failed=self._failed,
            resumed=self._resumed,
            usage=Usage(self._prompt, self._completion, self._total, self._cached_tokens),
            cost_cents=self._cost_cents,
            calls=self._calls,
            cached=self._cached,
            duration_seconds=seconds,
        )


def _ended(job: Job, result: Any, error: Any) -> BatchItem[Any]:
    meter = job.meter
    return BatchItem(
        job.number,
        job.item,
        result,
        error,
        usage=meter.spending.usage,
        cost_cents=meter.spending.cost_cents,
        calls=meter.calls,
        cached=meter.cached,
    )
