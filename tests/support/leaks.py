"""What a gateway in this process still has at work."""

from __future__ import annotations

import asyncio
from typing import Any

_BOUND = 10.0


def busy_tasks(gateway: Any) -> set[asyncio.Task[Any]]:
    """The tasks of the gateway's loop that have not ended."""
    return gateway.on_loop(_tasks())  # type: ignore[no-any-return]


async def _tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def wait_for_tasks(gateway: Any, before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Wait until the tasks that have come since then have ended; those that do not."""

    async def wait() -> set[asyncio.Task[Any]]:
        new = await _tasks() - before
        return (await asyncio.wait(new, timeout=_BOUND))[1] if new else set()

    return gateway.on_loop(wait(), 2 * _BOUND)  # type: ignore[no-any-return]
