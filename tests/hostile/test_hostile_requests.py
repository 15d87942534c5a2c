"""Group E of the defects: what is asked for is what reaches the server, and nothing else (E1 to E4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

import smartflow
from smartflow import SmartflowClient, SyncSmartflowClient
from tests.support.answers import EMPTY_LIST, chat, reply
from tests.support.faces import Connect, Face
from tests.support.hostile import HostileServer

PREFIX = {
    "get_learning_status": "/api/compliance/learning/status/",
    "get_org_baseline": "/api/compliance/org/status/",
}
IDS = [
    "plain", "../admin", "../../policies/p", "a/b?x=1#y", "a b", "a%2Fb", "%2e%2e", "a\\b", "a;b=c", "a&b=c", "a+b", "ü",
    "日本", "😀", "a\r\nX-Evil: 1", "a\0b", ".hidden", "...", "~", "*", "a:b@c",
]  # fmt: skip


@pytest.mark.parametrize("method", PREFIX)
@pytest.mark.parametrize("identity", IDS)
def test_an_id_reaches_the_server_as_one_encoded_segment(
    sf: Face, server: HostileServer, method: str, identity: str
) -> None:
    """E1."""
    server.answer(reply({}))
    getattr(sf, method)(identity)
    target = server.request.target
    assert target.startswith(PREFIX[method])
    segment = target[len(PREFIX[method]) :]
    assert not set(segment) & set("/?#\\ ")
    assert unquote(segment) == identity


@pytest.mark.parametrize("method", PREFIX)
@pytest.mark.parametrize("identity", ["", ".", "..", None, 5, b"x", "\ud800"])
def test_an_id_that_cannot_be_a_segment_is_refused(sf: Face, server: HostileServer, method: str, identity: Any) -> None:
    """E1."""
    with pytest.raises(smartflow.ValidationError) as caught:
        getattr(sf, method)(identity)
    assert caught.value.param in ("user_id", "org_id")
    assert server.requests == []


@pytest.mark.parametrize("value", ["a&b=c", "a b", "ü/?#", "%41"])
def test_query_values_arrive_as_they_are(sf: Face, server: HostileServer, value: str) -> None:
    server.answer(EMPTY_LIST)
    sf.get_logs(provider=value)
    query = dict(pair.split("=") for pair in server.request.target.split("?")[1].split("&"))
    assert unquote(query["provider"].replace("+", " ")) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-ok", "a\r\nx-evil: 1"),
        ("x-ok", "a\nb"),
        ("x-ok", "a\0b"),
        ("x-ok", " padded"),
        ("x-ok", "日本"),
        ("x ok", "a"),
        ("x:ok", "a"),
        ("x\r\ny", "a"),
        ("", "a"),
        ("x-ok", 5),
        ("content-length", "3"),
        ("Transfer-Encoding", "chunked"),
    ],
)
@pytest.mark.parametrize("way", ["with_options", "default_headers"])
def test_a_header_that_would_split_the_request_is_refused(
    connect: Connect, server: HostileServer, way: str, name: Any, value: Any
) -> None:
    with pytest.raises(smartflow.ConfigError):
        connect().with_options(headers={name: value}) if way == "with_options" else connect(
            default_headers={name: value}
        )
    assert server.requests == []


@pytest.mark.parametrize("option", ["user_id", "conversation_id"])
@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "", "a b", "ü", 5, "x" * 257])
def test_an_identity_that_no_header_can_carry_is_refused(sf: Face, option: str, value: Any) -> None:
    with pytest.raises(smartflow.ConfigError, match=option):
        sf.with_options(**{option: value})


@pytest.mark.parametrize("key", ["sk-ant-1\r\nx-evil: 1", "sk-ant-1 2\n", "ключ"])
def test_an_anthropic_key_that_no_header_can_carry_is_refused_unseen(sf: Face, server: HostileServer, key: str) -> None:
    with pytest.raises(smartflow.ValidationError) as caught:
        sf.claude_message("hi", anthropic_key=key)
    assert key not in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("key", ["sk-sf-1\nx", "sk sf", "ключ", 5])
def test_an_api_key_that_no_header_can_carry_is_refused_unseen(key: Any) -> None:
    with pytest.raises(smartflow.ConfigError) as caught:
        SyncSmartflowClient("http://127.0.0.1:1", api_key=key)
    assert str(key) not in str(caught.value)


def test_headers_and_identities_arrive(connect: Connect, server: HostileServer) -> None:
    server.answer(reply(chat()))
    sf = connect(default_headers={"X-Team": "blue"}).with_options(user_id="alice", conversation_id="c-1")
    sf.chat("hi")
    headers = server.request.headers
    assert (headers["x-team"], headers["x-smartflow-user-id"], headers["x-conversation-id"]) == ("blue", "alice", "c-1")


@pytest.mark.parametrize("client", [SmartflowClient, SyncSmartflowClient])
@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("127.0.0.1:7775", "scheme"),
        ("smartflow", "scheme"),
        ("", "empty"),
        ("   ", "empty"),
        ("ftp://host", "http"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("http://host:99999", "URL"),
        ("http://host:0", "port"),
        ("http://host:x", "URL"),
        ("http://ho st", "blanks"),
        ("http://host?x=1", "query"),
        ("http://host/#a", "fragment"),
        ("http://host:7775/v1", "/v1"),
        ("http://host:7775/v1/", "/v1"),
        ("http://host/a/../b", "path"),
        ("http://[::1", "URL"),
        (5, "string"),
        (b"http://host", "string"),
    ],
)
def test_a_wrong_base_url_is_refused_with_the_cure(client: Any, url: Any, hint: str) -> None:
    """E2."""
    with pytest.raises(smartflow.ConfigError, match=hint) as caught:
        client(url)
    assert "base_url" in str(caught.value)


@pytest.mark.parametrize("url", ["http://bob:hunter22@host:7775", "http://bob:hunter22@host:x", "bob:hunter22@host"])
@pytest.mark.parametrize("name", ["base_url", "management_url", "compliance_url", "bridge_url", "policy_url"])
def test_user_info_in_a_url_is_refused_without_printing_it(url: str, name: str) -> None:
    """E6."""
    urls: Any = {"base_url": "http://127.0.0.1:7775", name: url}
    with pytest.raises(smartflow.ConfigError) as caught:
        SyncSmartflowClient(**urls)
    assert "hunter22" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("  http://smartflow:7775  ", ("http://smartflow:7775", "http://smartflow:7778")),
        ("HTTP://smartflow:7775/", ("http://smartflow:7775", "http://smartflow:7778")),
        ("http://[::1]:7775", ("http://[::1]:7775", "http://[::1]:7778")),
        ("https://sf.example", ("https://sf.example", "https://sf.example:7778")),
        ("https://sf.example/gw", ("https://sf.example/gw", "https://sf.example:7778")),
    ],
)
def test_sibling_services_are_derived_from_the_host(url: str, expected: Any) -> None:
    """E2."""
    with SyncSmartflowClient(url) as sf:
        assert (sf.base_url, sf.management_url) == expected


def test_a_whole_url_for_a_service_is_used(connect: Connect, server: HostileServer) -> None:
    """E3: several services behind one ingress."""
    server.answer(EMPTY_LIST)
    connect(server.url, management_url=f"{server.url}/mgmt/").get_logs()
    assert server.request.path == "/mgmt/api/vas/logs"


@pytest.mark.parametrize(
    "url", ["http://evil.example/x", "https://127.0.0.1/x", "//evil.example/x", "x", "http://127.0.0.1:1@evil/x"]
)
@pytest.mark.parametrize("method", ["_get", "_post"])
def test_a_raw_call_goes_to_no_other_host(sf: Face, server: HostileServer, method: str, url: str) -> None:
    if url.startswith("//"):
        server.answer(reply({}))
        getattr(sf, method)(url)
        assert len(server.requests) == 1
    else:
        with pytest.raises(smartflow.ValidationError):
            getattr(sf, method)(url)
        assert server.requests == []


@pytest.mark.parametrize("path", ["/x y", "/x\r\nhost: evil", "/ü", "/x#y", "/x\0"])
def test_a_raw_path_that_would_split_the_request_is_refused(sf: Face, server: HostileServer, path: str) -> None:
    with pytest.raises(smartflow.ValidationError):
        sf._get(path)
    assert server.requests == []


def test_the_host_header_names_the_gateway(sf: Face, server: HostileServer) -> None:
    server.answer(reply(chat()))
    sf.chat("hi")
    assert server.request.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("message", ["\ud800", "a\udfffb"])
def test_text_that_utf8_cannot_carry_is_refused(sf: Face, server: HostileServer, message: str) -> None:
    with pytest.raises(smartflow.ValidationError, match="surrogate"):
        sf.chat(message)
    assert server.requests == []


@pytest.mark.parametrize("extra", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}, {"x": b"bytes"}], ids=range(4))
def test_what_json_cannot_carry_is_refused(sf: Face, server: HostileServer, extra: Any) -> None:
    with pytest.raises(smartflow.ValidationError, match="JSON"):
        sf.chat("hi", **extra)
    assert server.requests == []
