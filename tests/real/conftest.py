"""Clients in direct mode for servers that we did not write; a server that is not here is skipped with the reason."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Iterator

import pytest

from smartflow.providers.table import PROVIDERS
from tests.real.peers import KEY, missing, running
from tests.support.faces import Connect, Face

Point = Callable[..., None]
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def _started(peer: str, *more: str) -> Iterator[str]:
    reason = missing(peer)
    if reason:
        pytest.skip(reason)
    with running(peer, *more) as url:
        yield url


@pytest.fixture(scope="session")
def llama() -> Iterator[str]:
    """llama.cpp with a model of 135 million parameters."""
    yield from _started("llama")


@pytest.fixture(scope="session")
def embedder() -> Iterator[str]:
    """The same, started for embeddings."""
    yield from _started("llama", "embeddings")


@pytest.fixture(scope="session")
def aimock() -> Iterator[str]:
    """aimock: many providers' formats, with a journal of what it was sent."""
    yield from _started("aimock")


@pytest.fixture(scope="session")
def llmock() -> Iterator[str]:
    """llmock: many providers' formats, with faults on demand and a verdict on the client."""
    yield from _started("llmock")


@pytest.fixture(autouse=True)
def no_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider of the developer's."""
    for spec in PROVIDERS.values():
        for name in (spec.key_variable, spec.base_url_variable, *spec.variables):
            monkeypatch.delenv(str(name), raising=False)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Point:
    """Lets a provider be at an address, with a key."""

    def point(provider: str, url: str, key: str = KEY) -> None:
        spec = PROVIDERS[provider]
        monkeypatch.setenv(str(spec.base_url_variable), url)
        monkeypatch.setenv(str(spec.key_variable), key)

    return point


@pytest.fixture
def connect(flavour: str, loop: asyncio.AbstractEventLoop) -> Iterator[Connect]:
    """Makes clients in direct mode."""
    made = []

    def make(**options: Any) -> Face:
        made.append(Face.make(flavour, loop, **{"timeout": 60.0, **options}))
        return made[-1]

    yield make
    for face in made:
        face.close()
