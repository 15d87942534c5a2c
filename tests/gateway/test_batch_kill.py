"""kill -9 of a program in the midst of a batch: the next run does the rest, and nothing is asked of a provider twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .conftest import RunningGateway
from .keyed import answer

ROOT = Path(__file__).parents[2]
ITEMS = 1000
AT_A_TIME = 16
KILLED_AFTER = 400
PROGRAM = """
import asyncio, inspect, json, sys
from smartflow import SmartflowClient, SyncSmartflowClient

client, url, journal, items, at_a_time = sys.argv[1:]
async def main():
    sf = {"async": SmartflowClient, "sync": SyncSmartflowClient}[client](url)
    uncached = sf.with_options(headers={"cache-control": "no-store"})
    batch = uncached.map_chat([f"item {n}" for n in range(int(items))], resume=journal, concurrency=int(at_a_time))
    batch = await batch if inspect.isawaitable(batch) else batch
    answers = [each.content if each else None for each in batch.results]
    print(json.dumps({"answers": answers, "resumed": batch.summary.resumed, "tokens": batch.summary.usage.total_tokens}))
asyncio.run(main())
"""


class Upstream:
    """A provider that keeps what it is asked, and from some request on lets callers wait until it may go on."""

    def __init__(self, holds_from: int) -> None:
        self.asked: list[str] = []
        self._changed = threading.Condition()
        self._holds_from = holds_from
        self._held = 0
        self._at_work = 0
        self.most_at_work = 0
        self._open = False
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                text = body["messages"][-1]["content"]
                upstream.wait_for_leave(text)
                made = answer()
                made["choices"][0]["message"]["content"] = f"answer to {text}"
                content = json.dumps(made).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def wait_for_leave(self, text: str) -> None:
        with self._changed:
            self.asked.append(text)
            self._at_work += 1
            self.most_at_work = max(self.most_at_work, self._at_work)
            if len(self.asked) > self._holds_from:
                self._held += 1
                self._changed.notify_all()
                assert self._changed.wait_for(lambda: self._open, 60)
            self._at_work -= 1

    def wait_until_held(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._held >= number, 60), f"{self._held} are held"

    def open(self) -> None:
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def stop(self) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def program(client: str, gateway: RunningGateway, journal: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join((str(ROOT), str(ROOT / "generated")))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", PROGRAM, client, gateway.urls["proxy"], str(journal), str(ITEMS), str(AT_A_TIME)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a matter of POSIX")
@pytest.mark.parametrize("client", ["async", "sync"])
def test_a_killed_batch_of_1000_resumes_with_1000_answers_and_asks_no_provider_twice(
    client: str, start_gateway: Callable[..., RunningGateway], tmp_path: Path
) -> None:
    upstream = Upstream(holds_from=KILLED_AFTER)
    try:
        gateway = start_gateway(environment={"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": upstream.url})
        journal = tmp_path / "batch.jsonl"
        with program(client, gateway, journal) as killed:
            # All places of the batch are taken by calls that the provider has begun to work on.
            upstream.wait_until_held(AT_A_TIME)
            killed.send_signal(signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
        written = journal.read_bytes()
        assert written.count(b"\n") == 1 + KILLED_AFTER
        # A kill may come in the midst of a line.
        journal.write_bytes(written[:-20])
        upstream.open()
        with program(client, gateway, journal) as again:
            output, _ = again.communicate(timeout=100)
        assert again.returncode == 0
    finally:
        upstream.stop()
    result = json.loads(output)
    assert result["answers"] == [f"answer to item {number}" for number in range(ITEMS)]
    assert result["resumed"] == KILLED_AFTER - 1
    assert result["tokens"] == ITEMS * 30
    assert sorted(upstream.asked) == sorted(f"item {number}" for number in range(ITEMS))
    assert upstream.most_at_work == AT_A_TIME
    assert journal.read_bytes().count(b"\n") == 1 + ITEMS
