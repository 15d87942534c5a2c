"""A hostile server for each test, and clients of both flavours that talk to it."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Callable, Iterator, List

import httpx
import pytest

from tests.support.faces import Connect, Face
from tests.support.hostile import HostileServer


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from the machine, and no pause between two tries unless the server asks for one."""
    for name in ("SMARTFLOW_API_KEY", "SMARTFLOW_GATEWAY_URL", "SMARTFLOW_URL", "SMARTFLOW_ATTESTATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(random, "random", lambda: 0.0)


@pytest.fixture
def connect(flavour: str, loop: asyncio.AbstractEventLoop, server: HostileServer) -> Iterator[Connect]:
    """Makes clients; all services are the hostile server, and a failed call is not repeated unless the test says so."""
    made = []

    def make(base_url: Any = None, **options: Any) -> Face:
        urls = {} if base_url is not None else dict.fromkeys(SERVICES, server.url)
        settings = {"max_retries": 0, "timeout": 5.0, **urls, **options}
        face = Face.make(flavour, loop, base_url or server.url, **settings)
        made.append(face)
        return face

    yield make
    for face in made:
        face.close()


@pytest.fixture
def own_httpx(flavour: str, loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Any]]:
    """Makes httpx clients such as users bring, of the flavour that fits."""
    made: List[Any] = []

    def make(**options: Any) -> Any:
        kind: Any = httpx.AsyncClient if flavour == "async" else httpx.Client
        made.append(kind(trust_env=False, **options))
        return made[-1]

    yield make
    for client in made:
        if flavour == "async":
            loop.run_until_complete(client.aclose())
        else:
            client.close()


SERVICES = ("management_url", "compliance_url", "bridge_url", "policy_url")


@pytest.fixture
def sf(connect: Connect) -> Face:
    """A client with default options, but without retries."""
    return connect()
