"""The async half of the pair: scripts/unasync.py renames imports of this module to its twin `sync`."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from itertools import islice
from typing import Any, AsyncGenerator, Awaitable, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, TypeVar

import httpcore

from .functions import is_async

__all__ = [
    "Backend", "Interval", "Lock", "Semaphore", "completed", "discard", "invoke", "owner", "settled", "sleep", "together",
]  # fmt: skip

# httpcore shows type checkers the class that stands in when anyio is missing.
Backend: Any = httpcore.AnyIOBackend
sleep = asyncio.sleep
T = TypeVar("T")
K = TypeVar("K")


class Semaphore:
    """At most `value` holders at a time; waiting for a place is bounded."""

    def __init__(self, value: int) -> None:
        self._semaphore = asyncio.Semaphore(value)

    async def acquire(self, timeout: float | None) -> bool:
        """Whether a place was got in time."""
        if not self._semaphore.locked():
            return await self._semaphore.acquire()
        try:
            return await asyncio.wait_for(self._semaphore.acquire(), timeout)
        except asyncio.TimeoutError:
            return False

    def release(self) -> None:
        self._semaphore.release()


async def together(calls: Sequence[Callable[[], Awaitable[T]]]) -> List[T]:
    """The results of several calls that are made at the same time, in their order."""
    return list(await asyncio.gather(*(call() for call in calls)))


async def settled(calls: Sequence[Callable[[], Awaitable[Any]]], limit: int) -> List[Any]:
    """What each call returns or raises, in their order, with at most `limit` of them at a time.

    An error of one call is a result, and stops no other call.
    """
    places = asyncio.Semaphore(limit)

    async def one(call: Callable[[], Awaitable[Any]]) -> Any:
        async with places:
            return await call()

    return await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)


async def completed(
    calls: Iterable[Tuple[K, Callable[[], Awaitable[T]]]], limit: int
) -> AsyncGenerator[Tuple[K, Optional[T], Optional[BaseException]], None]:
    """The name of each call with what it returns or raises, as they end, with at most `limit` of them at a time.

    Calls are begun when an ended one is fetched. Closing the generator cancels those that run, and waits for their end.
    """
    ended: asyncio.Queue[asyncio.Future[T]] = asyncio.Queue()
    running: Dict[asyncio.Future[T], K] = {}
    waiting = iter(calls)

    def begin(number: int) -> None:
        for name, call in islice(waiting, number):
            task = asyncio.ensure_future(call())
            running[task] = name
            task.add_done_callback(ended.put_nowait)

    try:
        begin(limit)
        while running:
            task = await ended.get()
            name = running.pop(task)
            begin(1)
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            yield name, (task.result() if error is None else None), error
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Interval:
    """Waits that can be ended from outside; here those who wait are cancelled."""

    async def wait(self, seconds: float) -> bool:
        """Whether the wait was ended early."""
        await asyncio.sleep(seconds)
        return False

    def end(self) -> None:
        """End all waits."""


async def invoke(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a user's function returns. A plain one runs in a thread, so that it does not hold up the loop."""
    if is_async(function):
        return await function(*args, **kwargs)
    result = await asyncio.to_thread(function, *args, **kwargs)
    return await result if inspect.isawaitable(result) else result


class Lock:
    """One holder at a time, in whatever loop; an `asyncio.Lock` belongs to one for good."""

    def __init__(self) -> None:
        self._locks: weakref.WeakKeyDictionary[Any, asyncio.Lock] = weakref.WeakKeyDictionary()

    async def __aenter__(self) -> None:
        await self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()).acquire()

    async def __aexit__(self, *_: object) -> None:
        self._locks[asyncio.get_running_loop()].release()


def owner() -> object:
    """What connections belong to: the running loop. Connections of another loop cannot be used in this one."""
    return asyncio.get_running_loop()


def discard(connections: Iterable[Any]) -> None:
    """Let go of connections of another owner: without their loop they can neither be used nor closed."""
