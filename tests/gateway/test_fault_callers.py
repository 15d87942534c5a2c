"""Callers that hang up, and many at once: everything is written down, and no task or socket stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.support.hostile import SILENCE, HostileServer
from tests.support.leaks import busy_tasks, wait_for_tasks

from .test_fault_providers import EVENTS, piece

STREAMS = 500
CALLERS = 20


@pytest.fixture
def server():
    with HostileServer() as hostile:
        yield hostile


@pytest.fixture
def forwarding(start_gateway, server):
    return start_gateway(environment={"OPENAI_API_KEY": "sk-provider-secret", "OPENAI_BASE_URL": f"{server.url}/v1"})


def request_of(gateway, number=0, **fields):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"call {number}"}], **fields}
    content = json.dumps(body).encode()
    url = urlsplit(gateway.urls["proxy"])
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {url.netloc}\r\ncontent-type: application/json\r\n"
        f"connection: close\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return (url.hostname, url.port), head.encode() + content


def call(gateway, number=0, **fields):
    address, content = request_of(gateway, number, **fields)
    connection = socket.create_connection(address, 10)
    connection.sendall(content)
    return connection


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_callers_that_leave_while_the_provider_is_silent_leave_nothing(forwarding, server, stream):
    server.answer([SILENCE])
    before = busy_tasks(forwarding)
    callers = [call(forwarding, number, stream=stream) for number in range(CALLERS)]
    assert server.wait_requests(CALLERS)
    for caller in callers:
        caller.close()
    assert server.wait_open(0)
    assert wait_for_tasks(forwarding, before) == set()
    rows = forwarding.logs()
    assert [(row["status_code"], row["error_code"]) for row in rows] == [(499, "client_disconnected")] * CALLERS


def test_callers_that_leave_in_mid_stream_leave_nothing_but_what_was_said(forwarding, server):
    server.answer([EVENTS, piece(), SILENCE])
    before = busy_tasks(forwarding)
    callers = [call(forwarding, number, stream=True) for number in range(CALLERS)]
    for caller in callers:
        received = b""
        while b"partial" not in received:
            received += caller.recv(65536)
        caller.close()
    assert server.wait_open(0)
    assert wait_for_tasks(forwarding, before) == set()
    rows = forwarding.logs()
    assert [(row["status_code"], row["response_content"]) for row in rows] == [(499, "partial")] * CALLERS


def test_a_caller_that_leaves_in_its_body_leaves_nothing(forwarding, server):
    before = busy_tasks(forwarding)
    for _ in range(CALLERS):
        address, content = request_of(forwarding)
        with socket.create_connection(address, 10) as caller:
            caller.sendall(content[:-10])
    assert wait_for_tasks(forwarding, before) == set()
    assert server.requests == []
    assert forwarding.proxy.get("/health/liveliness").status_code == 200


async def _stream(gateway, number, started, everyone):
    (host, port), content = request_of(gateway, number, stream=True)
    reader, writer = await asyncio.open_connection(host, port)
    try:
        # All are connected before the first one asks.
        started.append(number)
        if len(started) == STREAMS:
            everyone.set()
        await everyone.wait()
        writer.write(content)
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _all_streams(gateway):
    started: list[int] = []
    everyone = asyncio.Event()
    return await asyncio.gather(*(_stream(gateway, number, started, everyone) for number in range(STREAMS)))


def test_500_streams_at_once_all_end_and_are_all_written_down(fresh_gateway):
    before = busy_tasks(fresh_gateway)
    answers = asyncio.run(_all_streams(fresh_gateway))
    assert all(answer.startswith(b"HTTP/1.1 200") and b"data: [DONE]" in answer for answer in answers)
    assert wait_for_tasks(fresh_gateway, before) == set()
    rows = fresh_gateway.logs(limit=1000)
    assert {row["request_content"] for row in rows} == {f"call {number}" for number in range(STREAMS)}
    assert len(rows) == STREAMS and {row["status_code"] for row in rows} == {200}
    assert fresh_gateway.management.post("/api/admin/audit/verify_chain", json={}).json()["valid"] is True
