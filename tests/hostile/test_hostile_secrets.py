"""Group E of the defects: keys and passwords are sent to the gateway, and shown nowhere (E6)."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any, List

import pytest

import smartflow
from smartflow import SyncSmartflowClient
from tests.support.answers import DONE, event, reply, sse, text_chunk
from tests.support.faces import Connect
from tests.support.hostile import CLOSE, HostileServer

KEY = "Tr0ub4dor-and-3-more"
PROOF = "attested-by-nobody-1"


def shown(error: BaseException) -> str:
    """All that a user, a log or a debugger would see of an error."""
    parts: List[str] = [str(error), repr(error), repr(vars(error))]
    parts += traceback.format_exception(type(error), error, error.__traceback__)
    return "\n".join(parts)


def echoes() -> List[Any]:
    both = f"{KEY} {PROOF}"
    return [
        pytest.param(reply({"error": {"message": f"bad key {both}", "code": both, "param": both}}, 401), id="json"),
        pytest.param(reply({"error": {"message": "no", both: [both]}}, 403), id="json names"),
        pytest.param(reply(f"bad key {both}".encode(), 400, kind="text/plain"), id="text"),
        pytest.param(reply(b"no", 500, {"x-echo": both}), id="header"),
        pytest.param(reply(b"", 302, {"location": f"http://x/?key={KEY}"}), id="redirect"),
        pytest.param(reply(f"bad key {both}".encode()), id="200 without JSON"),
        pytest.param(reply([both]), id="200 of another shape"),
        pytest.param([f"HTTP/9 {both}\r\n\r\n".encode(), CLOSE], id="no HTTP"),
        pytest.param(reply(b"x", headers={"content-encoding": KEY}), id="encoding"),
    ]


@pytest.mark.parametrize("script", echoes())
@pytest.mark.parametrize("method", ["chat", "check_compliance"])
def test_a_key_that_the_server_echoes_is_in_no_error(
    connect: Connect, server: HostileServer, caplog: pytest.LogCaptureFixture, method: str, script: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer(script)
    with pytest.raises(smartflow.SmartflowError) as caught:
        getattr(connect(api_key=KEY, attestation=PROOF), method)("hi")
    assert server.request.headers["authorization"] == f"Bearer {KEY}"
    assert not [secret for secret in (KEY, PROOF) if secret in shown(caught.value) + caplog.text]


@pytest.mark.parametrize(
    "script",
    [
        sse(text_chunk("Hi"), event({"error": {"message": f"bad {KEY}", "code": KEY}})),
        sse(text_chunk("Hi"), b"event: error\ndata: bad " + KEY.encode() + b"\n\n"),
        sse(text_chunk("Hi"), b"data: bad " + KEY.encode() + b"\n\n"),
        sse(text_chunk("Hi"), b'data: ["' + KEY.encode() + b'"]\n\n'),
        sse(text_chunk("Hi"), headers={"x-echo": KEY}),
        [*sse(text_chunk("Hi"))[:-1], f"{KEY}\r\n".encode(), CLOSE],
        reply({"echo": KEY}),
        reply({"error": {"message": KEY}}),
    ],
    ids=["json", "named", "no JSON", "no object", "header", "chunk", "document", "error document"],
)
def test_a_key_that_a_stream_echoes_is_in_no_error(connect: Connect, server: HostileServer, script: Any) -> None:
    server.answer(script)
    with pytest.raises(smartflow.SmartflowError) as caught:
        list(connect(api_key=KEY).stream_chat("hi"))
    assert KEY not in shown(caught.value)


@pytest.mark.parametrize("method", ["chat", "check_compliance", "get_cache_stats"])
def test_a_key_in_an_answer_that_does_not_fit_is_in_no_error(
    connect: Connect, server: HostileServer, method: str
) -> None:
    server.answer(reply({"choices": KEY, "has_violations": KEY, "risk_score": 1, "hits": KEY}))
    call = getattr(connect(api_key=KEY), method)
    with pytest.raises(smartflow.ResponseValidationError) as caught:
        call() if method == "get_cache_stats" else call("hi")
    assert KEY not in shown(caught.value)


def test_an_anthropic_key_that_the_server_echoes_is_in_no_error(connect: Connect, server: HostileServer) -> None:
    server.answer(reply({"error": {"message": f"bad {KEY}"}}, 401))
    with pytest.raises(smartflow.AuthenticationError) as caught:
        connect().claude_message("hi", anthropic_key=KEY)
    assert server.request.headers["x-api-key"] == KEY
    assert KEY not in shown(caught.value)


def test_a_client_and_its_parts_do_not_show_their_keys(connect: Connect, server: HostileServer) -> None:
    sf = connect(api_key=KEY, attestation=PROOF).client
    session = sf._session
    texts = [repr(sf), str(sf), repr(vars(sf)), repr(session), repr(session.settings), repr(session.options)]
    assert not [secret for secret in (KEY, PROOF) if secret in "\n".join(texts)]


def test_a_client_with_a_key_is_not_pickled() -> None:
    with SyncSmartflowClient("http://127.0.0.1:1", api_key=KEY) as sf, pytest.raises(TypeError):
        pickle.dumps(sf._session.settings)


def test_keys_are_not_logged(connect: Connect, server: HostileServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer(reply({"error": {"message": KEY}}, 503), sse(text_chunk("Hi"), DONE, headers={"x-echo": KEY}))
    assert list(connect(api_key=KEY, max_retries=1).stream_chat("the prompt is private")) == ["Hi"]
    assert KEY not in caplog.text
    assert "private" not in caplog.text


@pytest.mark.parametrize("url", ["http://8.8.8.8:7775", "http://sf.example.com", "http://134744072:7775"])
@pytest.mark.parametrize("option", ["api_key", "attestation"])
def test_a_key_over_plain_http_to_a_public_host_is_refused(url: str, option: str) -> None:
    keys: Any = {option: KEY}
    with pytest.raises(smartflow.ConfigError, match="https"):
        SyncSmartflowClient(url, **keys)


def test_a_key_over_plain_http_to_another_public_service_is_refused() -> None:
    with pytest.raises(smartflow.ConfigError, match="bridge"):
        SyncSmartflowClient("http://127.0.0.1:7775", api_key=KEY, bridge_url="http://bridge.example.com")


@pytest.mark.parametrize(
    "url",
    ["http://localhost:7775", "http://[::1]:7775", "http://10.1.2.3", "http://smartflow", "https://sf.example.com"],
)
def test_a_key_may_go_to_the_machine_a_private_network_or_over_https(url: str) -> None:
    with SyncSmartflowClient(url, api_key=KEY) as sf:
        assert not sf.closed


def test_a_key_over_plain_http_can_be_allowed() -> None:
    with SyncSmartflowClient("http://sf.example.com", api_key=KEY, allow_insecure_http=True) as sf:
        assert not sf.closed


@pytest.mark.parametrize("proxy", ["ftp://bob:hunter22@proxy:1", "http://bob:hunter22@proxy:x", "bob:hunter22@proxy"])
def test_a_wrong_proxy_is_refused_without_its_password(connect: Connect, proxy: str) -> None:
    with pytest.raises(smartflow.SmartflowError) as caught:
        connect(proxy=proxy).chat("hi")
    assert "hunter22" not in shown(caught.value)


def test_an_unreachable_proxy_is_an_error_without_its_password(connect: Connect) -> None:
    password = "-".join(("hunter", "22"))
    with pytest.raises(smartflow.ConnectionError) as caught:
        connect(proxy=f"http://bob:{password}@127.0.0.1:1").chat("hi")
    assert password not in shown(caught.value)


def test_the_key_is_sent_to_the_gateway_only_in_its_header(connect: Connect, server: HostileServer) -> None:
    server.answer(reply({"data": []}))
    connect(api_key=KEY).list_models()
    request = server.request
    assert KEY not in request.target
    assert KEY.encode() not in request.body
    assert [name for name, value in request.headers.items() if KEY in value] == ["authorization"]
