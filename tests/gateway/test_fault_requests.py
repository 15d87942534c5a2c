"""Requests that nobody honest sends: each gets a refusal, reaches no other operation, and leaves the gateway at work."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

LIVE = "/health/liveliness"


def raw(gateway, head, body=b"", service="management"):
    """The status and the body of the answer to these very bytes."""
    url = urlsplit(gateway.urls[service])
    with socket.create_connection((url.hostname, url.port), 10) as connection:
        connection.sendall(head + body)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    first, _, content = received.partition(b"\r\n\r\n")
    return int(first.split(b" ")[1]), content


def get(gateway, target, *lines):
    host = urlsplit(gateway.urls["management"]).netloc.encode()
    fields = lines or (b"host: " + host,)
    return raw(gateway, b"\r\n".join([b"GET " + target + b" HTTP/1.1", *fields, b"connection: close", b"", b""]))


def code_of(content):
    return json.loads(content)["error"]["code"]


@pytest.fixture(autouse=True)
def works_afterwards(gateway):
    yield
    assert gateway.proxy.get(LIVE).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        b"/api/vas/../vas/logs",
        b"/api/./vas/logs",
        b"/api/vas/%2e%2e/vas/logs",
        b"/api/vas%2flogs",
        b"/api/vas%5clogs",
        b"/api//vas/logs",
        b"//api/vas/logs",
        b"/api/vas/logs%00",
        b"/api/vas/logs%00.json",
        b"/api/vas/logs;a=b",
        b"/api/vas/logs/%2e",
        b"/..%2f..%2fetc%2fpasswd",
        b"/api/vas/%6c%6f%67%73%2f",
        b"/%c0%ae%c0%ae/etc/passwd",
        b"/" + b"a" * 30_000,
        b"/" + b"%2e%2e%2f" * 2000,
        b"/api/routing/fallback-chains/..%2f..%2fvas%2flogs",
        b"/api/enterprise/vkeys/%2e%2e%2flogs",
    ],
)
def test_a_path_trick_reaches_no_operation(gateway, target):
    status, content = get(gateway, target)
    assert (status, code_of(content)) in ((404, "not_found"), (400, "invalid_request"))


@pytest.mark.parametrize("target", [b"/api/\x00vas", b"/" + b"a" * 100_000, b"/api/vas/logs\x7f"])
def test_what_is_no_http_is_refused_before_any_operation(gateway, target):
    status, _ = get(gateway, target)
    assert 400 <= status < 500


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"evil.example@127.0.0.1",
        b"127.0.0.1@evil.example",
        b"127.0.0.1:80:90",
        b"127.0.0.1:80/path",
        b"localhost#evil.example",
        b"localhost evil.example",
        b"[::1]evil.example",
        b"2130706433.evil.example",
        b"",
        b"\xff\xfe",
        b"a" * 4000,
    ],
)
def test_a_hostile_host_is_refused(gateway, host):
    status, content = get(gateway, b"/api/vas/logs", b"host: " + host)
    assert (status, code_of(content)) == (403, "host_refused")


@pytest.mark.parametrize("hosts", [(), (b"host: localhost", b"host: evil.example")])
def test_a_request_with_no_host_or_with_two_is_refused(gateway, hosts):
    status, _ = get(gateway, b"/api/vas/logs", *(hosts or (b"accept: */*",)))
    assert status in (400, 403)


@pytest.mark.parametrize(
    "origin",
    [
        b"null",
        b"",
        b"https://evil.example",
        b"http://127.0.0.1.evil.example",
        b"http://127.0.0.1@evil.example",
        b"http://evil.example#@127.0.0.1",
        b"http://[::1",
        b"http://[::1].evil.example",
        b"file://",
        b"\xff",
        b"http://" + b"a" * 4000,
    ],
)
def test_a_hostile_origin_is_refused(gateway, origin):
    host = urlsplit(gateway.urls["management"]).netloc.encode()
    status, content = get(gateway, b"/api/vas/logs", b"host: " + host, b"origin: " + origin)
    assert (status, code_of(content)) == (403, "origin_refused")


def nested(depth, inner="1"):
    return '{"a":' * depth + inner + "}" * depth


@pytest.mark.parametrize(
    "value",
    [nested(2000), nested(100_000), "[" * 100_000, "[" * 2000 + "]" * 2000, '{"a":[' * 50_000],
    ids=["2000 objects", "100000 objects", "100000 open lists", "2000 lists", "objects and lists"],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/embeddings"])
def test_deeply_nested_json_is_400(gateway, value, path):
    body = '{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}],"metadata":' + value + "}"
    answer = gateway.proxy.post(path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) in ((400, "invalid_json"), (400, "invalid_request"))


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_413_with_and_without_a_length(start_gateway, declared):
    gateway = start_gateway(body_limit=10_000)
    content = b"x" * 15_000
    answer = gateway.proxy.post(
        "/v1/chat/completions",
        content=content if declared else iter([content[:8000], content[8000:]]),
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
    assert gateway.chat("small").status_code == 200


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"5, 6", b"0x10"])
def test_a_length_that_is_none_is_refused(gateway, length):
    url = urlsplit(gateway.urls["proxy"])
    lines = [
        b"POST /v1/chat/completions HTTP/1.1", b"host: " + url.netloc.encode(), b"content-type: application/json",
        b"connection: close", b"content-length: " + length, b"", b"",
    ]  # fmt: skip
    status, _ = raw(gateway, b"\r\n".join(lines), b"{}", "proxy")
    assert 400 <= status < 500
