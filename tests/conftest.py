"""What all tests share: where the session's gateway is, texts that no other test uses, and a recording."""

from __future__ import annotations

import asyncio
import io
import math
import os
import struct
import uuid
import wave
from typing import Any, Callable, Dict, Iterator

import pytest

from tests.support.hostile import HostileServer

# What a developer may have set for work of their own; the interpreter that runs the gateway is none of it.
OWN = ("SMARTFLOW_", "APERION_")
KEPT = ("SMARTFLOW_GATEWAY_PYTHON",)
RATE = 8000
LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopabcdef")


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(OWN) and name not in KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("SMARTFLOW_CONFIG", os.devnull)


def urls_of(gateway: Any) -> Dict[str, Any]:
    return {
        "base_url": gateway.url,
        "management_url": gateway.management_url,
        "compliance_url": gateway.compliance_url,
        "bridge_url": gateway.bridge_url,
    }


@pytest.fixture
def gateway_urls(smartflow_gateway: Any) -> Dict[str, Any]:
    """The arguments that lead a client to the session's gateway."""
    return urls_of(smartflow_gateway)


@pytest.fixture(scope="session")
def forced_urls() -> Iterator[Dict[str, Any]]:
    """The same for another gateway, whose routing and keys tests may change: nobody relies on who answers there.

    It asks for keys from its start, so that the first one made there shuts out nobody.
    """
    from smartflow.testing import LocalGateway

    with LocalGateway(api_key="the-key-of-the-forced-gateway") as gateway:
        yield {**urls_of(gateway), "api_key": gateway.api_key}


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes a text that no other test uses. It holds no digits, which a scanner could take for personal data."""
    return lambda text: f"{text}-{uuid.uuid4().hex.translate(LETTERS)}"


@pytest.fixture(scope="session")
def recording() -> bytes:
    """A quarter of a second of a 440 Hz tone, as a wav file: 8000 Hz, mono, 16 bit."""
    samples = (round(12000 * math.sin(2 * math.pi * 440 * tick / RATE)) for tick in range(RATE // 4))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as started:
        yield started


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The loop in which the async client lives; it runs only while a call does."""
    made = asyncio.new_event_loop()
    yield made
    made.run_until_complete(made.shutdown_asyncgens())
    made.close()


@pytest.fixture(params=["async", "sync"])
def flavour(request: pytest.FixtureRequest) -> str:
    """Which of the two clients a test is run with."""
    return str(request.param)
