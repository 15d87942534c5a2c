"""Runs the command as a user does: in a process of its own, with pipes or on a terminal, against a real local gateway."""

from __future__ import annotations

import io
import os
import random
import re
import select
import socket
import subprocess
import sys
import termios
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from smartflow.cli.main import main
from smartflow.testing import LocalGateway

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-sf-cli-tests"
SETTINGS = re.compile(r"(?i)^(SMARTFLOW_|APERION_|.*_API_KEY$|.*_PROXY$)")
SECONDS = 60
PORTS = ("--port=7775", "--management-port=7778", "--compliance-port=7777", "--bridge-port=3500")
INTERRUPT = "\x03"
COMMAND = ("-m", "smartflow.cli.main")
# A terminal of its own: without a session that it controls, Ctrl-C would reach nobody.
_ON_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def gateway() -> Iterator[LocalGateway]:
    """A gateway that asks for a key, on the usual ports of an address of its own: its URL is all one needs to know of it."""
    address = ".".join(["127", *(str(random.randrange(1, 255)) for _ in range(3))])
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError:
        pytest.skip("this system has one loopback address only: the usual ports may be in use on it")
    with LocalGateway(api_key=KEY, options=[f"--host={address}", *PORTS]) as running:
        yield running


@pytest.fixture
def environment(gateway: LocalGateway, tmp_path: Path) -> Dict[str, str]:
    """The environment of a user of that gateway, with a home of their own."""
    kept = {name: value for name, value in os.environ.items() if not SETTINGS.match(name)}
    path = os.pathsep.join((str(ROOT), str(ROOT / "generated")))
    extra = {"PYTHONPATH": path, "HOME": str(tmp_path), "COLUMNS": "100", "TERM": "dumb", "PYTHONUTF8": "1"}
    return {**kept, **gateway.environment, **extra}


@pytest.fixture
def smartflow(environment: Dict[str, str], tmp_path: Path) -> Run:
    """Runs one command to its end; further arguments change the environment."""

    def run(*arguments: str, stdin: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "smartflow.cli.main", *arguments],
            env={**environment, **changes},
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    return run


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: Dict[str, str]) -> Run:
    """The same in this process, for what ends before anything is sent: a process each would take the most time."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        for name in (*environment, *filter(SETTINGS.match, os.environ)):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        status = main(list(arguments))
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, out, err)

    return run


class Terminal:
    """A command on a pseudo-terminal: what it shows, and what its user types."""

    def __init__(
        self, arguments: Tuple[str, ...], environment: Dict[str, str], folder: Path, program: Tuple[str, str] = COMMAND
    ) -> None:
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (40, 200)) if sys.version_info >= (3, 11) else None
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, *program, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""
        self._read_to = 0

    def wait_for(self, text: str) -> str:
        """What was shown up to this text, from the text that was last waited for on."""
        deadline = time.monotonic() + SECONDS
        while (at := self.shown.find(text, self._read_to)) < 0:
            assert self._read(deadline), f"ended without {text!r}:\n{self.shown}"
        before, self._read_to = self.shown[self._read_to : at], at + len(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """The exit status, once the command has ended."""
        deadline = time.monotonic() + SECONDS
        while self._read(deadline):
            pass
        return self._process.wait(SECONDS)

    def interrupt(self) -> int:
        """The exit status after Ctrl-C, pressed until the command ends: between a prompt and its reading, Python misses one."""
        deadline = time.monotonic() + SECONDS
        self.type(INTERRUPT)
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"not ended by Ctrl-C:\n{self.shown}"
            ready, _, _ = select.select([self._master], [], [], 0.5)
            if not ready:
                self.type(INTERRUPT)
            elif not self._read(deadline):
                break
        return self.end()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more came after:\n{self.shown}"
        try:
            data = os.read(self._master, 65536)
        except OSError:
            # Linux tells so that nobody has the terminal open any more.
            return False
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)


@pytest.fixture
def terminal(environment: Dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts commands on terminals."""
    started: List[Terminal] = []

    def start(*arguments: str, program: Tuple[str, str] = COMMAND, **changes: str) -> Terminal:
        started.append(Terminal(arguments, {**environment, **changes}, tmp_path, program))
        return started[-1]

    yield start
    for each in started:
        each.close()


CHUNK = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'


class EndlessAnswer:
    """A server that begins to answer every chat, and then waits until its caller has gone."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.stopping = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                self.wfile.write(CHUNK % b"Once upon a \\u001b[31mtime")
                while not owner.stopping.is_set():
                    ready, _, _ = select.select([self.connection], [], [], 0.05)
                    if ready:
                        owner.gone.set()
                        return

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def endless() -> Iterator[EndlessAnswer]:
    server = EndlessAnswer()
    yield server
    server.stop()
