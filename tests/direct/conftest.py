"""A scripted provider for each test, and clients of both flavours that call it without a gateway."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Dict, Iterator

import pytest

from smartflow.providers.table import PROVIDERS
from tests.support.faces import Connect, Face
from tests.support.hostile import HostileServer

KEY = "canary-key-of-the-provider"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def no_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider of the developer's, and no pause between two tries unless the provider asks for one."""
    for spec in PROVIDERS.values():
        for name in (spec.key_variable, spec.base_url_variable, *spec.variables):
            monkeypatch.delenv(str(name), raising=False)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(random, "random", lambda: 0.0)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, server: HostileServer) -> Any:
    """Lets a provider be the scripted server."""

    def point(*names: str, path: str = "") -> None:
        for name in names:
            spec = PROVIDERS[name]
            monkeypatch.setenv(str(spec.base_url_variable), server.url + path)
            monkeypatch.setenv(str(spec.key_variable), KEY)

    return point


@pytest.fixture
def connect(flavour: str, loop: asyncio.AbstractEventLoop) -> Iterator[Connect]:
    """Makes clients in direct mode; a failed call is not repeated unless the test says so."""
    made = []

    def make(**options: Any) -> Face:
        settings: Dict[str, Any] = {"max_retries": 0, "timeout": 5.0, **options}
        made.append(Face.make(flavour, loop, **settings))
        return made[-1]

    yield make
    for face in made:
        face.close()
