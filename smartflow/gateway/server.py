"""Runs the services of one gateway in one event loop: binds their ports, says when all listen, and stops cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from smartflow.gateway.app import build_apps
from smartflow.gateway.contract import SERVICES
from smartflow.gateway.core import Gateway
from smartflow.gateway.offline.tokens import count_text

PORT_OPTIONS = {
    "proxy": "--port",
    "management": "--management-port",
    "compliance": "--compliance-port",
    "bridge": "--bridge-port",
}
_BACKLOG = 2048
_GRACE_SECONDS = 3
_KEEP_ALIVE_SECONDS = 75


class PortTaken(Exception):
    """A port cannot be had; the message names it and the option that changes it."""


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens, and leaves the signals to us."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def bind(host: str, ports: Mapping[str, int]) -> dict[str, socket.socket]:
    """A listening socket for each service; port 0 takes a free one."""
    sockets: dict[str, socket.socket] = {}
    try:
        for service in SERVICES:
            sockets[service] = _bind_one(host, ports[service], PORT_OPTIONS[service])
    except BaseException:
        for opened in sockets.values():
            opened.close()
        raise
    return sockets


def _bind_one(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY; without it every kept connection waits 40 ms for an acknowledgement.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        raise PortTaken(
            f"cannot listen on {host} port {port} ({reason}): stop the program that uses it, or choose another with {option} (0 takes a free one)"
        ) from error
    return opened


def urls(sockets: Mapping[str, socket.socket]) -> dict[str, str]:
    """The base URL of each service."""
    found = {}
    for service, opened in sockets.items():
        host, port = opened.getsockname()[:2]
        found[service] = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return found


class Servers:
    """The running services of one gateway. `start` returns when all of them listen."""

    def __init__(
        self, gateway: Gateway, sockets: Mapping[str, socket.socket], apps: Mapping[str, ASGIApp] | None = None
    ) -> None:
        self._gateway = gateway
        self._sockets = sockets
        self._apps = apps or build_apps(gateway)
        self._running: list[tuple[_Server, asyncio.Task[None]]] = []
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start all services, and the archiving of the audit log."""
        for service, opened in self._sockets.items():
            server = _Server(_config(self._apps[service]))
            task = asyncio.create_task(server.serve(sockets=[opened]))
            self._running.append((server, task))
        for server, task in self._running:
            waiting = asyncio.ensure_future(server.listening.wait())
            await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if task.done():
                await task
        self._keeping = asyncio.create_task(self._gateway.ledger.keep())

    async def stop(self) -> None:
        """Stop all services; running calls get a moment to end."""
        for server, _ in self._running:
            server.should_exit = True
        await asyncio.gather(*(task for _, task in self._running), return_exceptions=True)
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        await self._gateway.aclose()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, server_header=False, ws="none", http="h11", loop="asyncio",
        proxy_headers=False, timeout_keep_alive=_KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=_GRACE_SECONDS,
    )  # fmt: skip


async def run(
    gateway: Gateway,
    sockets: Mapping[str, socket.socket],
    *,
    ready_file: Path | None = None,
    stop_when: Callable[[asyncio.Event], None] | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, or what `stop_when` watches for. Prints the ready line when all services listen."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on the loop
            loop.add_signal_handler(number, stopping.set)
    if stop_when is not None:
        stop_when(stopping)
    servers = Servers(gateway, sockets)
    await servers.start()
    line = json.dumps(urls(sockets))
    if ready_file is not None:
        write_atomically(ready_file, line + "\n")
    print(line, flush=True)
    # The tokenizer's tables take half a second: they load while nobody waits, not in the first call.
    threading.Thread(target=count_text, args=("warm up", "gpt-4o"), name="warm-up", daemon=True).start()
    try:
        await stopping.wait()
    finally:
        await servers.stop()
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is either there whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def stop_at_end_of_input(stopping: asyncio.Event) -> None:
    """Stop when standard input ends: the parent that held its other end has died."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended before the input
            loop.call_soon_threadsafe(stopping.set)

    # A thread, because event loops cannot watch every kind of input (files, Windows pipes).
    threading.Thread(target=wait, name="end-of-input", daemon=True).start()
