"""A provider that is down, silent, cut or talks nonsense: a clear error, a row in the audit log, and nothing left at work."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support.hostile import CLOSE, RESET, SILENCE, HostileServer, Part
from tests.support.leaks import busy_tasks, wait_for_tasks

from .keyed import answer

JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = json.dumps(answer()).encode()


def chunked(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def piece(text="partial"):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    item = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]}
    return chunked(b"data: " + json.dumps(item).encode() + b"\n\n")


@pytest.fixture
def server():
    with HostileServer() as hostile:
        yield hostile


@pytest.fixture
def gateway(start_gateway, server):
    return start_gateway(environment={"OPENAI_API_KEY": "sk-provider-secret", "OPENAI_BASE_URL": f"{server.url}/v1"})


FAULTS: dict[str, list[Part]] = {
    "closes at once": [CLOSE],
    "resets at once": [RESET],
    "cut in its head": [b"HTTP/1.1 200 OK\r\ncontent-", CLOSE],
    "no http": [b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE],
    "a status that is none": [b"HTTP/1.1 abc\r\n\r\n", CLOSE],
    "cut in its body": [JSON + b"content-length: %d\r\n\r\n" % len(WHOLE), WHOLE[:40], CLOSE],
    "reset in its body": [JSON + b"content-length: %d\r\n\r\n" % len(WHOLE), WHOLE[:40], RESET],
    "cut in a chunk": [JSON + b"transfer-encoding: chunked\r\n\r\n", b"ff\r\n" + WHOLE[:40], CLOSE],
    "a chunk that is none": [JSON + b"transfer-encoding: chunked\r\n\r\n", b"xyz\r\n", CLOSE],
    "half of a JSON": [JSON + b"connection: close\r\n\r\n" + WHOLE[:60], CLOSE],
    "no gzip": [JSON + b"content-encoding: gzip\r\nconnection: close\r\n\r\n" + WHOLE, CLOSE],
    "deep JSON": [JSON + b"connection: close\r\n\r\n" + b"[" * 200_000, CLOSE],
    "an endless number": [JSON + b"connection: close\r\n\r\n" + b'{"created":' + b"9" * 10_000 + b"}", CLOSE],
    "no text": [JSON + b"connection: close\r\n\r\n\xff\xfe\x00", CLOSE],
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_fails_is_a_typed_error_and_leaves_nothing(gateway, server, fault, stream):
    before = busy_tasks(gateway)
    server.answer(FAULTS[fault])
    failed = gateway.chat(stream=stream)
    assert (failed.status_code, failed.json()["error"]["code"]) == (502, "provider_error")
    assert failed.json()["error"]["provider"] == "openai"
    (row,) = gateway.logs()
    assert (row["status_code"], row["error_code"]) == (502, "provider_error")
    assert wait_for_tasks(gateway, before) == set()
    assert server.wait_open(0)


CUTS: dict[str, list[Part]] = {
    "closes": [CLOSE],
    "resets": [RESET],
    "a chunk that is none": [b"xyz\r\n", CLOSE],
    "ends without its end": [b"0\r\n\r\n", CLOSE],
    "no JSON": [chunked(b"data: {oops\n\n"), CLOSE],
    "no text": [chunked(b"data: \xff\xfe\n\n"), CLOSE],
    "another shape": [chunked(b'data: {"choices": 7}\n\n'), CLOSE],
    "deep JSON": [chunked(b"data: " + b"[" * 100_000 + b"\n\n"), CLOSE],
}


@pytest.mark.parametrize("fault", CUTS)
def test_a_stream_that_fails_says_so_keeps_what_was_said_and_leaves_nothing(gateway, server, fault):
    before = busy_tasks(gateway)
    server.answer([EVENTS, piece(), *CUTS[fault]])
    told = gateway.chat(stream=True)
    events = [line[6:] for line in told.text.split("\n") if line.startswith("data: ")]
    assert told.status_code == 200
    assert json.loads(events[0])["choices"][0]["delta"]["content"] == "partial"
    assert json.loads(events[-1])["error"]["code"] in ("provider_error", "provider_stream_cut")
    assert "[DONE]" not in told.text
    (row,) = gateway.logs()
    assert (row["response_content"], row["status_code"]) == ("partial", 502)
    assert wait_for_tasks(gateway, before) == set()
    assert server.wait_open(0)


@pytest.mark.parametrize("script", [[SILENCE], [EVENTS, SILENCE], [EVENTS, piece(), SILENCE]])
def test_a_provider_that_falls_silent_ends_with_its_time(start_gateway, server, monkeypatch, script):
    monkeypatch.setattr("smartflow.gateway.upstream._TIMEOUT", httpx.Timeout(0.2))
    gateway = start_gateway(environment={"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"{server.url}/v1"})
    before = busy_tasks(gateway)
    server.answer(script)
    told = gateway.chat(stream=True)
    last = told.text.strip().split("\n")[-1].removeprefix("data: ")
    assert json.loads(last)["error"]["code"] == "provider_timeout"
    assert gateway.logs()[0]["error_code"] == "provider_timeout"
    assert wait_for_tasks(gateway, before) == set()
    assert server.wait_open(0)
