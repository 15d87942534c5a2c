"""What kind of function a user has handed in."""

from __future__ import annotations

import functools
import inspect
from typing import Any

__all__ = ["is_async"]


def is_async(function: Any) -> bool:
    """Whether calling it gives a coroutine; partials and objects with `async def __call__` are looked into."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - it is looked at, not whether it is there
    )
