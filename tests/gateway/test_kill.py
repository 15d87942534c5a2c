"""kill -9 under load: no call that was answered is missing from the audit log, and the chain stays whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

KILLS = 20
CALLERS = 4
FREE = ["--port=0", "--management-port=0", "--compliance-port=0", "--bridge-port=0"]


class Killable:
    """A gateway process on a folder, for callers that count its answers."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "smartflow.gateway", *FREE, "--data-dir", str(folder), "--quiet"]
        environment = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        assert self.process.stdout is not None
        self.urls: dict[str, str] = json.loads(self.process.stdout.readline())
        self.answered: list[str] = []
        self.enough = threading.Event()

    def call_until_it_dies(self, wanted: int) -> None:
        with httpx.Client(base_url=self.urls["proxy"], trust_env=False, timeout=30) as client:
            while True:
                body = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"call {len(self.answered)}"}]}
                try:
                    answer = client.post("/v1/chat/completions", json=body, headers={"x-user-id": "caller"})
                except httpx.TransportError:
                    return
                assert answer.status_code == 200
                self.answered.append(answer.headers["x-smartflow-request-id"])
                if len(self.answered) >= wanted:
                    self.enough.set()

    def run_and_kill(self, wanted: int) -> list[str]:
        with ThreadPoolExecutor(CALLERS) as pool:
            callers = [pool.submit(self.call_until_it_dies, wanted) for _ in range(CALLERS)]
            reached = self.enough.wait(60)
            self.kill()
            for caller in callers:
                caller.result()
        assert reached
        return self.answered

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def logged(self) -> list[str]:
        """The ids of all rows, page by page."""
        found: list[str] = []
        query: dict[str, str] = {"limit": "1000"}
        while True:
            page = httpx.get(f"{self.urls['management']}/api/vas/logs", params=query, trust_env=False).json()
            found += [row["request_id"] for row in page["data"]]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    def check(self) -> dict[str, object]:
        answer = httpx.post(f"{self.urls['management']}/api/admin/audit/verify_chain", json={}, trust_env=False)
        result: dict[str, object] = answer.json()
        return result


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a matter of POSIX")
def test_no_answered_call_is_lost_when_the_gateway_is_killed_again_and_again(tmp_path: Path) -> None:
    answered: list[str] = []
    for round_number in range(KILLS):
        gateway = Killable(tmp_path)
        try:
            result = gateway.check()
            assert (result["valid"], result["problem"]) == (True, None)
            answered += gateway.run_and_kill(wanted=3 + 2 * round_number)
        finally:
            gateway.kill() if gateway.process.poll() is None else None
    last = Killable(tmp_path)
    try:
        logged = last.logged()
        assert last.check()["entries_checked"] == len(logged)
    finally:
        last.kill()
    assert len(answered) >= KILLS * 3
    assert len(set(logged)) == len(logged)
    assert set(answered) <= set(logged)
