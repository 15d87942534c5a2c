"""The async half of the pair: scripts/unasync.py renames imports of this module to its twin `sync`."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Iterable, List, Sequence, TypeVar

import httpcore

__all__ = ["Backend", "Semaphore", "discard", "owner", "sleep", "together"]

# httpcore shows type checkers the class that stands in when anyio is missing.
Backend: Any = httpcore.AnyIOBackend
sleep = asyncio.sleep
T = TypeVar("T")


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


def owner() -> object:
    """What connections belong to: the running loop. Connections of another loop cannot be used in this one."""
    return asyncio.get_running_loop()


def discard(connections: Iterable[Any]) -> None:
    """Let go of connections of another owner: without their loop they can neither be used nor closed."""
