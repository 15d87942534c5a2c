"""A gateway on the documented ports of a loopback address of its own, so that documented programs run unchanged."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smartflow.testing import LocalGateway

ROOT = Path(__file__).parents[2]
DOCUMENTED = "http://localhost:7775"
PORTS = ("--port=7775", "--management-port=7778", "--compliance-port=7777", "--bridge-port=3500")
SETTINGS = re.compile(r"(?i)^(SMARTFLOW_|APERION_|OPENAI_|ANTHROPIC_|.*_PROXY$)")
PROGRAM_SECONDS = 60

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def free_address() -> str:
    """An address of the loopback network that nobody else uses: two test runs at once must not share ports."""
    address = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError:
        pytest.skip("this system has one loopback address only: the documented ports may be in use on it")
    return address


@contextmanager
def gateway_on_documented_ports(key: str | None = None) -> Iterator[str]:
    """The proxy URL of a new gateway whose services listen on their documented ports."""
    address = free_address()
    with LocalGateway(api_key=key, options=[f"--host={address}", *PORTS]):
        yield f"http://{address}:7775"


@pytest.fixture(scope="session")
def documented_gateway() -> Iterator[str]:
    """One such gateway for all programs; none of them changes its routing."""
    with gateway_on_documented_ports() as url:
        yield url


def write_wav(path: Path) -> None:
    """One second of silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(16_000))


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment of this process tells a client where to go."""
    for name in list(os.environ):
        if SETTINGS.match(name):
            monkeypatch.delenv(name)


@pytest.fixture
def program_environment(documented_gateway: str) -> dict[str, str]:
    """The environment of a user who has set nothing but the gateway's URL."""
    kept = {name: value for name, value in os.environ.items() if not SETTINGS.match(name)}
    path = os.pathsep.join((str(ROOT), str(ROOT / "generated")))
    given = {"SMARTFLOW_GATEWAY_URL": documented_gateway, "SMARTFLOW_CONFIG": os.devnull}
    return {**kept, **given, "PYTHONPATH": path, "PYTHONUTF8": "1"}


@pytest.fixture
def run_program(program_environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs Python with some arguments, as a user would, in a folder of its own."""

    def run(*arguments: str, stdin: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env={**program_environment, **changes},
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
        )

    return run
