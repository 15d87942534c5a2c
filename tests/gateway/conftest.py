"""Gateways for the tests, each on real sockets: one in this process with a clock in the test's hand, and a scripted provider."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from smartflow.gateway.clock import CountingIds
from smartflow.gateway.compliance.settings import ComplianceSettings
from smartflow.gateway.core import Gateway
from smartflow.gateway.server import Servers, bind, urls
from tests.support.checked import completion
from tests.support.hostile import HostileServer
from tests.support.three import NAMES, answered, environment

START = datetime(2026, 2, 19, 10, 0, tzinfo=UTC)


class HandClock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


class RunningGateway:
    """A gateway in a thread of this process, with one HTTP client for each service."""

    def __init__(self, path: Path | None = None, **options: Any) -> None:
        self.clock = HandClock()
        self.gateway = Gateway(path, clock=self.clock, ids=CountingIds(), sleep=self.clock.sleep, **options)
        sockets = bind("127.0.0.1", dict.fromkeys(("proxy", "management", "compliance", "bridge"), 0))
        self.urls = urls(sockets)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers = Servers(self.gateway, sockets)
        self._call(self._servers.start())
        self.proxy, self.management, self.compliance, self.bridge = (
            httpx.Client(base_url=url, timeout=10, trust_env=False) for url in self.urls.values()
        )

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def on_loop(self, work: Any, seconds: float = 10) -> Any:
        """What a coroutine returns that runs on the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def chat(self, content: str = "hello", **fields: Any) -> httpx.Response:
        headers = fields.pop("headers", {})
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}], **fields}
        return self.proxy.post("/v1/chat/completions", json=body, headers=headers)

    def logs(self, **query: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.management.get("/api/vas/logs", params=query).json()["data"]
        return rows

    def stop(self) -> None:
        for client in (self.proxy, self.management, self.compliance, self.bridge):
            client.close()
        self._call(self._servers.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def running(path: Path | None = None, **options: Any) -> Iterator[RunningGateway]:
    started = RunningGateway(path, **options)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def gateway() -> Iterator[RunningGateway]:
    """One gateway for a module: its tests must not depend on what others left in it."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def own_gateway() -> Iterator[RunningGateway]:
    """Another gateway for a module, for tests that count what is in it."""
    with running() as started:
        yield started


@pytest.fixture
def fresh_gateway() -> Iterator[RunningGateway]:
    """A gateway of the test's own."""
    with running() as started:
        yield started


@pytest.fixture
def start_gateway() -> Iterator[Callable[..., RunningGateway]]:
    """Starts gateways with options of the test's own."""
    started: list[RunningGateway] = []

    def start(path: Path | None = None, **options: Any) -> RunningGateway:
        started.append(RunningGateway(path, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


class Provider:
    """A scripted OpenAI-compatible provider: every request gets the answer that the test has set."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.gone, self.asked = threading.Event(), threading.Event()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                provider.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                provider.asked.set()
                self.send_response(provider.status)
                fields = {"content-type": "application/json", **provider.headers, "connection": "close"}
                for name, value in fields.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for piece in provider.pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        # Between two pieces the test may hold the provider back.
                        provider.hold.wait(10)
                except OSError:
                    provider.gone.set()
                self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, status: int, body: Any, **headers: str) -> None:
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}
        self.pieces = [body if isinstance(body, bytes) else json.dumps(body).encode()]

    def stream(self, *pieces: bytes) -> None:
        self.status, self.headers, self.pieces = 200, {"content-type": "text/event-stream"}, list(pieces)

    def stop(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def provider() -> Iterator[Provider]:
    scripted = Provider()
    yield scripted
    scripted.stop()


@pytest.fixture
def three():
    """Three servers that answer, each with its provider's name."""
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(HostileServer()) for name in NAMES}
        for name, server in servers.items():
            server.answer(answered(name))
        yield servers


@pytest.fixture
def chained(start_gateway, three):
    """A gateway whose chain for gpt-4o goes through the three; `settings` are the chain's members."""

    def start(**settings: Any) -> Any:
        gateway = start_gateway(environment=environment(three))
        targets = [{"provider": name, "priority": place} for place, name in enumerate(NAMES, 1)]
        body = {"name": "gpt-4o", "targets": targets, **settings}
        made = gateway.management.post("/api/routing/fallback-chains", json=body)
        assert made.status_code == 200, made.text
        return gateway

    return start


@pytest.fixture
def start_checked(start_gateway: Callable[..., RunningGateway], provider: Provider) -> Callable[..., RunningGateway]:
    """Starts gateways that check texts as the given settings say, before a provider that answers everything."""

    def start(**settings: Any) -> RunningGateway:
        environment = {"OPENAI_API_KEY": "sk-provider-key", "OPENAI_BASE_URL": provider.url}
        return start_gateway(environment=environment, compliance=ComplianceSettings(**settings))

    provider.answer(200, completion("All done."))
    return start
