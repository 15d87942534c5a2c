"""A local gateway in a process of its own, on free ports, for the time of a `with` block."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._async.client import SmartflowClient
    from .._sync.client import SyncSmartflowClient

__all__ = ["GatewayStartError", "LocalGateway"]

PYTHON_VARIABLE = "SMARTFLOW_GATEWAY_PYTHON"
_LOWEST = (3, 11)
_CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3.14")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "PYTHONPATH")
_STDERR_LIMIT = 20_000
_STOP_SECONDS = 10.0


class GatewayStartError(RuntimeError):
    """The gateway did not start; the message holds what it wrote to standard error."""


class LocalGateway:
    """A gateway that runs while the `with` block does.

    Its data is in memory unless `data_dir` is given. `env` adds environment variables, such as a provider's key or base URL;
    nothing else of the caller's environment that could name a provider is passed on. `python` is the interpreter to run it with:
    by default the one that SMARTFLOW_GATEWAY_PYTHON names, else this one when it is 3.11 or newer, else one found on the PATH.
    The process ends with the block, and also when this process dies.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        env: Mapping[str, str] | None = None,
        data_dir: str | None = None,
        python: str | None = None,
        options: list[str] | None = None,
        start_timeout: float = 30.0,
    ) -> None:
        self.api_key = api_key
        self._env = dict(env or {})
        self._data_dir = data_dir
        self._python = python
        self._options = list(options or ())
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: Any = None
        self._urls: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The base URL of the proxy."""
        return self._url("proxy")

    @property
    def management_url(self) -> str:
        """The base URL of the management service."""
        return self._url("management")

    @property
    def compliance_url(self) -> str:
        """The base URL of the compliance service."""
        return self._url("compliance")

    @property
    def bridge_url(self) -> str:
        """The base URL of the hybrid bridge."""
        return self._url("bridge")

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that point a client, or another program, to this gateway."""
        found = {"SMARTFLOW_GATEWAY_URL": self.url}
        for service in ("management", "compliance", "bridge"):
            found[f"SMARTFLOW_{service.upper()}_URL"] = self._url(service)
        if self.api_key:
            found["SMARTFLOW_API_KEY"] = self.api_key
        return found

    def client(self, **options: Any) -> SmartflowClient:
        """An async client of this gateway; `options` are further arguments of `SmartflowClient`."""
        from .._async.client import SmartflowClient

        return SmartflowClient(**{**self._arguments(), **options})

    def sync_client(self, **options: Any) -> SyncSmartflowClient:
        """A sync client of this gateway; `options` are further arguments of `SyncSmartflowClient`."""
        from .._sync.client import SyncSmartflowClient

        return SyncSmartflowClient(**{**self._arguments(), **options})

    def _arguments(self) -> dict[str, Any]:
        return {
            "base_url": self.url,
            "api_key": self.api_key,
            "management_url": self.management_url,
            "compliance_url": self.compliance_url,
            "bridge_url": self.bridge_url,
        }

    @property
    def log(self) -> str:
        """What the gateway has written to standard error so far."""
        if self._errors is None or self._errors.closed:
            return ""
        # pread leaves the offset alone, which the child shares with us.
        size = os.fstat(self._errors.fileno()).st_size
        data = os.pread(self._errors.fileno(), _STDERR_LIMIT, max(0, size - _STDERR_LIMIT))
        return data.decode("utf-8", "replace")

    def _url(self, service: str) -> str:
        if service not in self._urls:
            raise RuntimeError("the gateway is not running: use it as `with LocalGateway() as gateway:`")
        return self._urls[service]

    def start(self) -> Self:
        """Start the gateway and wait until it is ready."""
        if self._process is not None:
            raise RuntimeError("the gateway is running already")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self._process = subprocess.Popen(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=self._environment(),
        )
        try:
            self._urls = self._ready_line()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the gateway; a second call does nothing."""
        process, self._process, self._urls = self._process, None, {}
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _command(self) -> list[str]:
        ports = ["--port=0", "--management-port=0", "--compliance-port=0", "--bridge-port=0"]
        place = ["--memory"] if self._data_dir is None else [f"--data-dir={self._data_dir}"]
        python = self._python or find_python()
        return [python, "-m", "smartflow.gateway", *ports, *place, "--exit-with-parent", *self._options]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        # The key travels in the environment, because every user of the machine can read a command line.
        key = {"SMARTFLOW_GATEWAY_API_KEY": self.api_key} if self.api_key else {}
        return {**kept, **_checkout_path(), **key, **self._env}

    def _ready_line(self) -> dict[str, str]:
        process = self._process
        assert process is not None and process.stdout is not None
        stdout = process.stdout
        lines: list[bytes] = []
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(self._start_timeout)
        if not lines:
            process.kill()
            reader.join()
            raise GatewayStartError(f"the gateway was not ready after {self._start_timeout} s; it wrote:\n{self.log}")
        if not lines[0].strip():
            status = process.wait()
            raise GatewayStartError(f"the gateway ended with status {status}; it wrote:\n{self.log}")
        urls: dict[str, str] = json.loads(lines[0].decode("utf-8"))
        return urls


def find_python() -> str:
    """The interpreter that can run the gateway; GatewayStartError tells how to name one when there is none."""
    named = os.environ.get(PYTHON_VARIABLE)
    own = sys.executable if sys.version_info >= _LOWEST else None
    found = named or own or next((path for path in map(shutil.which, _CANDIDATES) if path and _runs(path)), None)
    if found is None:
        raise GatewayStartError(
            f"the gateway needs Python 3.11 or newer with smartflow-sdk[gateway]: name one in {PYTHON_VARIABLE}, or pass python="
        )
    return found


def _runs(python: str) -> bool:
    """Whether it is more than a name: a version manager's shim may stand for a Python that is not chosen."""
    return subprocess.run([python, "-c", "pass"], capture_output=True, check=False).returncode == 0


def _checkout_path() -> dict[str, str]:
    """PYTHONPATH of a checkout of the SDK, so that the child runs the same code; nothing for an installed package."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    generated = os.path.join(root, "generated")
    if not os.path.isdir(generated):
        # The site-packages of one Python version must not be shown to another.
        return {}
    paths = (root, generated, os.environ.get("PYTHONPATH", ""))
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
