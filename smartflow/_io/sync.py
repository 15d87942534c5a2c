"""The sync half of the pair `aio`, `sync`: the same names without a loop."""

from __future__ import annotations

import contextvars
import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable, List, Sequence, TypeVar

import httpcore

from ..exceptions import ConfigError
from .functions import is_async

__all__ = ["Backend", "Lock", "Semaphore", "discard", "invoke", "owner", "settled", "sleep", "together"]

Backend = httpcore.SyncBackend
Lock = threading.Lock
sleep = time.sleep
T = TypeVar("T")


class Semaphore:
    """At most `value` holders at a time; waiting for a place is bounded.

    Streams may give their place back when the collector finds them, in the midst of another `acquire()`:
    a `SimpleQueue` allows that, the locks of `threading.Semaphore` do not.
    """

    def __init__(self, value: int) -> None:
        self._places: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(value):
            self._places.put(None)

    def acquire(self, timeout: float | None) -> bool:
        """Whether a place was got in time."""
        try:
            self._places.get(timeout=timeout)
        except queue.Empty:
            return False
        return True

    def release(self) -> None:
        self._places.put(None)


def together(calls: Sequence[Callable[[], T]]) -> List[T]:
    """The results of several calls that are made at the same time, in their order."""
    with ThreadPoolExecutor(max(1, len(calls))) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def settled(calls: Sequence[Callable[[], Any]], limit: int) -> List[Any]:
    """What each call returns or raises, in their order, with at most `limit` of them at a time.

    An error of one call is a result, and stops no other call.
    """
    with ThreadPoolExecutor(max(1, min(limit, len(calls)))) as pool:
        futures = [pool.submit(contextvars.copy_context().run, call) for call in calls]
        return [future.result() if future.exception() is None else future.exception() for future in futures]


def invoke(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a user's function returns; a coroutine has no loop here."""
    if is_async(function):
        raise ConfigError(f"{function!r} is async: give the sync client plain functions, or use the async one")
    return function(*args, **kwargs)


def owner() -> object:
    """What connections belong to: the process. A fork must not share its parent's sockets."""
    return os.getpid()


def discard(connections: Iterable[Any]) -> None:
    """Close connections of the parent process in its child: the parent keeps its own."""
    for connection in connections:
        connection.close()
