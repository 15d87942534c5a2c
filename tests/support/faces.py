"""One face for the async and the sync client, so that a test says once what must be true of both."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Callable, Iterator

from smartflow import SmartflowClient, SyncSmartflowClient

__all__ = ["Connect", "Face", "Pull"]


class Pull:
    """An async iterator (or stream) driven from synchronous code; its loop runs only while it is asked for something."""

    def __init__(self, inner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self._loop.run_until_complete(self._inner.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> Pull:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._loop.run_until_complete(self._inner.aclose())

    def __getattr__(self, name: str) -> Any:
        return _bridged(getattr(self._inner, name), self._loop)


def _bridged(value: Any, loop: asyncio.AbstractEventLoop) -> Any:
    if not inspect.ismethod(value):
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        result = value(*args, **kwargs)
        if inspect.isawaitable(result):
            result = loop.run_until_complete(result)
        return Pull(result, loop) if hasattr(result, "__anext__") else result

    return call


class Face:
    """A client of one flavour ("async" or "sync"); every method is called without `await`."""

    def __init__(self, flavour: str, client: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.flavour = flavour
        self.client = client
        self._loop = loop

    @classmethod
    def make(cls, flavour: str, loop: asyncio.AbstractEventLoop, *args: Any, **options: Any) -> Face:
        kind: Any = SmartflowClient if flavour == "async" else SyncSmartflowClient
        return cls(flavour, kind(*args, **options), loop)

    def with_options(self, **options: Any) -> Face:
        return Face(self.flavour, self.client.with_options(**options), self._loop)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.client, name)
        return _bridged(value, self._loop) if self.flavour == "async" else value


Connect = Callable[..., Face]
