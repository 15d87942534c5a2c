"""The sync half of the pair `aio`, `sync`: the same names without a loop."""

from __future__ import annotations

import os
import threading
import time

import httpcore

__all__ = ["Backend", "Semaphore", "owner", "sleep"]

Backend = httpcore.SyncBackend
sleep = time.sleep


class Semaphore:
    """At most `value` holders at a time; waiting for a place is bounded."""

    def __init__(self, value: int) -> None:
        self._semaphore = threading.Semaphore(value)

    def acquire(self, timeout: "float | None") -> bool:
        """Whether a place was got in time."""
        return self._semaphore.acquire(timeout=timeout)

    def release(self) -> None:
        self._semaphore.release()


def owner() -> object:
    """What connections belong to: the process. A fork must not share its parent's sockets."""
    return os.getpid()
