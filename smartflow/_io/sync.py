"""The sync half of the pair `aio`, `sync`: the same names without a loop."""

from __future__ import annotations

import contextvars
import os
import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Callable, Dict, Generator, Iterable, List, Optional, Sequence, Tuple, TypeVar

import httpcore

from ..exceptions import ConfigError
from .functions import is_async

__all__ = [
    "Backend", "Interval", "Lock", "Semaphore", "completed", "discard", "invoke", "owner", "settled", "sleep", "together",
]  # fmt: skip

Backend = httpcore.SyncBackend
Lock = threading.Lock
sleep = time.sleep
T = TypeVar("T")
K = TypeVar("K")


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


def completed(
    calls: Iterable[Tuple[K, Callable[[], T]]], limit: int
) -> Generator[Tuple[K, Optional[T], Optional[BaseException]], None, None]:
    """The name of each call with what it returns or raises, as they end, with at most `limit` of them at a time.

    Calls are begun when an ended one is fetched. Threads cannot be stopped: closing the generator waits for those that run.
    """
    ended: queue.SimpleQueue[Future[T]] = queue.SimpleQueue()
    running: Dict[Future[T], K] = {}
    waiting = iter(calls)
    pool = ThreadPoolExecutor(limit, "smartflow-batch")

    def begin(number: int) -> None:
        for name, call in islice(waiting, number):
            future = pool.submit(contextvars.copy_context().run, call)
            running[future] = name
            future.add_done_callback(ended.put)

    try:
        begin(limit)
        while running:
            future = ended.get()
            name = running.pop(future)
            begin(1)
            error = future.exception()
            yield name, (future.result() if error is None else None), error
    finally:
        pool.shutdown()


class Interval:
    """Waits that can be ended from outside."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Whether the wait was ended early."""
        return self._ended.wait(seconds)

    def end(self) -> None:
        """End all waits."""
        self._ended.set()


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
