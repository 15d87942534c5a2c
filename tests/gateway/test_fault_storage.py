"""A disk that is full: calls fail with a clear error, what was answered stays, and the gateway goes on once there is room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

from .conftest import running

FREE = ["--port=0", "--management-port=0", "--compliance-port=0", "--bridge-port=0"]
LONG = "words that fill the disk " * 200
MOST_CALLS = 400


@contextmanager
def process(folder, limit=None):
    """A gateway process on a folder; no file of it grows beyond the limit in bytes."""

    def bound():
        import resource

        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "smartflow.gateway", *FREE, "--data-dir", str(folder), "--quiet"]
    environment = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, preexec_fn=bound) as started:
        try:
            assert started.stdout is not None
            urls = json.loads(started.stdout.readline())
            with httpx.Client(trust_env=False, timeout=30) as client:
                yield urls, client
        finally:
            started.terminate()
            started.wait(30)


def post(client, urls, number, **fields):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"{number} {LONG}"}], **fields}
    return client.post(f"{urls['proxy']}/v1/chat/completions", json=body)


def until_refused(client, urls):
    """The request ids that were answered, and the first refusal."""
    answered: list[str] = []
    for number in range(MOST_CALLS):
        answer = post(client, urls, number)
        if answer.status_code != 200:
            return answered, answer
        answered.append(answer.headers["x-smartflow-request-id"])
    raise AssertionError("the disk was never full")


@pytest.mark.skipif(os.name != "posix", reason="limits of files are a matter of POSIX")
def test_a_full_disk_refuses_with_its_cure_and_loses_nothing_that_was_answered(tmp_path):
    with process(tmp_path, limit=1_500_000) as (urls, client):
        answered, refused = until_refused(client, urls)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (500, "storage_failed")
        assert "free space" in error["message"]
        assert client.get(f"{urls['proxy']}/health/liveliness").status_code == 200
    with process(tmp_path) as (urls, client):
        assert post(client, urls, "after").status_code == 200
        page = client.get(f"{urls['management']}/api/vas/logs", params={"limit": 1000}).json()
        logged = {row["request_id"] for row in page["data"]}
        checked = client.post(f"{urls['management']}/api/admin/audit/verify_chain", json={}).json()
    assert answered and set(answered) <= logged
    assert checked["valid"] is True


@pytest.fixture
def full():
    """A gateway in this process whose database has no page left."""
    with running() as gateway:
        store = gateway.gateway.store
        (pages,) = (each["page_count"] for each in store.rows("PRAGMA main.page_count"))
        store.row(f"PRAGMA main.max_page_count = {pages}")
        for number in range(MOST_CALLS):
            if gateway.chat(f"{number} {LONG}").status_code != 200:
                break
        else:
            raise AssertionError("the disk was never full")
        yield gateway


def test_a_stream_that_cannot_be_written_down_ends_with_an_error_and_without_done(full):
    answer = full.chat(f"streamed {LONG}", stream=True)
    events = [line for line in answer.text.split("\n") if line.startswith("data: ")]
    assert answer.status_code == 200
    assert json.loads(events[-1][6:])["error"]["code"] == "storage_failed"
    assert "[DONE]" not in answer.text


def test_messages_tell_a_full_disk_in_anthropics_shape(full):
    body = {"model": "claude-sonnet-4-6", "max_tokens": 10, "messages": [{"role": "user", "content": LONG}]}
    answer = full.proxy.post("/v1/messages", json=body)
    assert (answer.status_code, answer.json()["type"]) == (500, "error")
    assert answer.json()["error"]["code"] == "storage_failed"


def test_a_call_that_was_refused_leaves_no_half_of_itself_and_the_next_one_works_with_room(full):
    before = {row["request_id"] for row in full.logs(limit=1000)}
    refused = full.chat(f"refused {LONG}")
    assert refused.json()["error"]["code"] == "storage_failed"
    assert {row["request_id"] for row in full.logs(limit=1000)} == before
    full.gateway.store.row("PRAGMA main.max_page_count = 1000000")
    answer = full.chat(f"refused {LONG}")
    assert (answer.status_code, answer.headers["x-smartflow-cache"]) == (200, "miss")
    assert full.management.post("/api/admin/audit/verify_chain", json={}).json()["valid"] is True
