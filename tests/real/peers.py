"""Starts the servers that we did not write, and says why one cannot be started."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Optional

__all__ = ["KEY", "MODEL", "ask", "missing", "running"]

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
PYTHON = ROOT / ".venvs" / "real" / "bin" / "python"
LLMOCK = PYTHON.parent / "llmock"
WEIGHTS = ROOT / ".venvs" / "real-model" / "SmolLM2-135M-Instruct.Q4_1.gguf"
AIMOCK = ROOT / ".venvs" / "real-node" / "node_modules" / "@copilotkit" / "aimock" / "dist" / "index.js"
KEY = "canary-key-of-the-real-server"
MODEL = "smollm2-135m"
SECONDS = 60.0
_ADDRESS = re.compile(r"(?:listening|running) on (http://127\.0\.0\.1:\d+)")
_NEEDS = {"llama": (PYTHON, WEIGHTS), "llmock": (LLMOCK,), "aimock": (AIMOCK,)}


def missing(peer: str) -> Optional[str]:
    """Why this peer cannot be started, or None."""
    absent = [str(path.relative_to(ROOT)) for path in _NEEDS[peer] if not path.exists()]
    if peer == "aimock" and not shutil.which("node"):
        absent.append("node")
    return f"{peer} is not here ({', '.join(absent)}): run `make test-real`" if absent else None


def _command(peer: str, *more: str) -> List[str]:
    if peer == "llama":
        return [str(PYTHON), str(HERE / "llama.py"), str(WEIGHTS), KEY, *more]
    if peer == "llmock":
        return [str(LLMOCK), "serve", "--port", "0"]
    return ["node", str(HERE / "aimock.mjs"), str(AIMOCK), str(HERE / "aimock.json")]


@contextmanager
def running(peer: str, *more: str) -> Iterator[str]:
    """The address of a server that is up as long as the block runs."""
    process = subprocess.Popen(
        _command(peer, *more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    # Its output is read to the end of its life: a full pipe would stop it.
    said: List[str] = []
    found = threading.Event()
    reader = threading.Thread(target=_listen, args=(process.stdout, said, found), daemon=True)
    reader.start()
    try:
        found.wait(SECONDS)
        address = _ADDRESS.search("".join(said))
        assert address, f"{peer} did not start:\n{''.join(said)[-2000:]}"
        yield address[1]
    finally:
        process.terminate()
        process.wait(10)
        reader.join(10)
        assert process.stdout is not None
        process.stdout.close()


def _listen(output: Any, said: List[str], found: threading.Event) -> None:
    for line in output:
        said.append(line)
        if _ADDRESS.search(line):
            found.set()
    found.set()


def ask(url: str, body: Any = None, method: Optional[str] = None) -> Any:
    """The decoded answer of a server's own pages, past the SDK."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")
