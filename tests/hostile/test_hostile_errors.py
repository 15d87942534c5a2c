"""Group B of the defects: every failure is an error of ours that says what is known (B1, B2, B5 to B12)."""

from __future__ import annotations

import builtins
import json
import pickle
from typing import Any, Callable, Dict, List, Type

import pytest

import smartflow
from tests.support.answers import chat, head, html, reply, zipped
from tests.support.faces import Connect, Face
from tests.support.hostile import CLOSE, RESET, HostileServer, Part, refusing_port

CALLS: Dict[str, Any] = {
    "chat": lambda sf: sf.chat("hi"),
    "claude_message": lambda sf: sf.claude_message("hi"),
    "embeddings": lambda sf: sf.embeddings("hi"),
    "image_generation": lambda sf: sf.image_generation("hi"),
    "audio_transcription": lambda sf: sf.audio_transcription(b"RIFF"),
    "text_to_speech": lambda sf: sf.text_to_speech("hi"),
    "rerank": lambda sf: sf.rerank("hi", ["a"]),
    "list_models": lambda sf: sf.list_models(),
    "chatbot_query": lambda sf: sf.chatbot_query("hi"),
    "intelligent_scan": lambda sf: sf.intelligent_scan("hi"),
    "check_compliance": lambda sf: sf.check_compliance("hi"),
    "submit_compliance_feedback": lambda sf: sf.submit_compliance_feedback("s", True),
    "get_learning_summary": lambda sf: sf.get_learning_summary(),
    "get_learning_status": lambda sf: sf.get_learning_status("u"),
    "get_org_baseline": lambda sf: sf.get_org_baseline("o"),
    "get_cache_stats": lambda sf: sf.get_cache_stats(),
    "get_provider_health": lambda sf: sf.get_provider_health(),
    "health_comprehensive": lambda sf: sf.health_comprehensive(),
    "health": lambda sf: sf.health(),
    "readiness": lambda sf: sf.readiness(),
    "get_logs": lambda sf: sf.get_logs(),
    "get_logs_hybrid": lambda sf: sf.get_logs_hybrid(),
    "get_audit_logs": lambda sf: sf.get_audit_logs(),
    "verify_audit_chain": lambda sf: sf.verify_audit_chain(),
    "get_analytics": lambda sf: sf.get_analytics(),
    "force_provider": lambda sf: sf.force_provider("openai"),
    "_get": lambda sf: sf._get("/x"),
    "_post": lambda sf: sf._post("/x", {}),
}


@pytest.mark.parametrize("method", CALLS)
def test_an_html_gateway_error_is_a_provider_error_in_every_method(
    sf: Face, server: HostileServer, method: str
) -> None:
    """B1, B10."""
    server.answer(html(502))
    with pytest.raises(smartflow.ProviderError) as caught:
        CALLS[method](sf)
    assert caught.value.status_code == 502
    assert "<html>" not in str(caught.value)


@pytest.mark.parametrize("method", CALLS)
def test_html_with_status_200_is_an_error_in_every_method(sf: Face, server: HostileServer, method: str) -> None:
    """A proxy's sign-in page is no answer."""
    server.answer(html(200))
    if method == "audio_transcription":
        server.answer(reply(b"<html></html>", kind="text/html; charset=utf-8"))
    with pytest.raises(smartflow.ResponseValidationError) as caught:
        CALLS[method](sf)
    assert "<html>" in str(caught.value.body)


@pytest.mark.parametrize("method", CALLS)
def test_an_empty_body_with_status_200_is_an_error_in_every_method(
    sf: Face, server: HostileServer, method: str
) -> None:
    server.answer(reply(b"", kind=None))
    with pytest.raises(smartflow.ResponseValidationError):
        CALLS[method](sf)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, smartflow.ValidationError),
        (401, smartflow.AuthenticationError),
        (402, smartflow.BudgetExceededError),
        (403, smartflow.ComplianceError),
        (404, smartflow.NotFoundError),
        (405, smartflow.SmartflowError),
        (408, smartflow.TimeoutError),
        (409, smartflow.SmartflowError),
        (413, smartflow.ValidationError),
        (418, smartflow.SmartflowError),
        (422, smartflow.ValidationError),
        (429, smartflow.RateLimitError),
        (500, smartflow.SmartflowError),
        (501, smartflow.SmartflowError),
        (502, smartflow.ProviderError),
        (503, smartflow.ProviderError),
        (504, smartflow.TimeoutError),
        (529, smartflow.ProviderError),
        (599, smartflow.SmartflowError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"plain text", b'{"error": {"message": "m"}}'])
def test_each_status_has_its_error_class_whatever_the_body(
    sf: Face, server: HostileServer, status: int, expected: Type[smartflow.SmartflowError], body: bytes
) -> None:
    """B1, B7."""
    server.answer(reply(body, status, kind=None))
    with pytest.raises(smartflow.SmartflowError) as caught:
        sf.chat("hi")
    assert type(caught.value) is expected
    assert caught.value.status_code == status


@pytest.mark.parametrize("word", ["insufficient_quota", "budget_exceeded"])
def test_a_429_that_names_the_budget_is_a_budget_error(sf: Face, server: HostileServer, word: str) -> None:
    server.answer(reply({"error": {"message": "spent", "code": word}}, 429))
    with pytest.raises(smartflow.BudgetExceededError, match="spent"):
        sf.chat("hi")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "openai style", "type": "t", "code": "c"}}, "openai style"),
        ({"error": "a string"}, "a string"),
        ({"detail": "fastapi"}, "fastapi"),
        ({"detail": [{"loc": ["body", "model"], "msg": "field required", "type": "x"}]}, "body.model: field required"),
        ({"type": "about:blank", "title": "Out of credit", "detail": "balance is 30", "status": 400}, "balance is 30"),
        ({"title": "Out of credit"}, "Out of credit"),
        ({"message": "bare message"}, "bare message"),
        ({"error": "invalid_grant", "error_description": "too old"}, "invalid_grant"),
        (b"plain text reason", "plain text reason"),
    ],
)
def test_the_reason_is_found_in_every_known_shape(sf: Face, server: HostileServer, body: Any, message: str) -> None:
    """B6."""
    server.answer(reply(body, 400))
    with pytest.raises(smartflow.ValidationError) as caught:
        sf.chat("hi")
    assert message in caught.value.message


@pytest.mark.parametrize(
    "body", [[], 5, None, "text", {}, {"error": None}, {"error": []}, {"error": {"message": 5}}, {"detail": {"a": 1}}]
)
def test_an_unknown_shape_of_error_is_still_its_status(sf: Face, server: HostileServer, body: Any) -> None:
    server.answer(reply(body, 404))
    with pytest.raises(smartflow.NotFoundError) as caught:
        sf.chat("hi")
    assert "404" in str(caught.value)


def test_an_error_carries_all_that_is_known(sf: Face, server: HostileServer) -> None:
    """B5."""
    body = {
        "error": {
            "message": "blocked", "type": "compliance_violation", "code": "pii", "param": "messages",
            "violations": ["ssn"], "risk_score": 0.9,
        },
    }  # fmt: skip
    server.answer(reply(body, 403, {"x-smartflow-request-id": "req-7", "x-ratelimit-remaining": "3"}))
    with pytest.raises(smartflow.ComplianceError) as caught:
        sf.chat("hi")
    error = caught.value
    assert (error.code, error.type, error.param) == ("pii", "compliance_violation", "messages")
    assert (error.violations, error.risk_score) == (["ssn"], 0.9)
    assert (error.request_id, error.attempts, error.operation) == ("req-7", 1, "createChatCompletion")
    assert error.headers["x-ratelimit-remaining"] == "3"
    assert error.body == body
    assert "req-7" in str(error)


def test_an_error_survives_pickling(sf: Face, server: HostileServer) -> None:
    server.answer(reply({"error": {"message": "slow"}}, 429, {"retry-after": "7"}))
    with pytest.raises(smartflow.RateLimitError) as caught:
        sf.chat("hi")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.retry_after) == (smartflow.RateLimitError, str(caught.value), 7.0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_an_error_body_that_cannot_be_decoded_does_not_hide_the_status(
    sf: Face, server: HostileServer, status: int, encoding: str
) -> None:
    """B1."""
    server.answer(reply(b"not compressed", status, {"content-encoding": encoding}))
    with pytest.raises(smartflow.SmartflowError) as caught:
        sf.chat("hi")
    assert caught.value.status_code == status


def test_an_error_body_that_breaks_off_does_not_hide_the_status(sf: Face, server: HostileServer) -> None:
    """B1."""
    server.answer([head(401, {"content-length": "100"}), b'{"error"', RESET])
    with pytest.raises(smartflow.AuthenticationError):
        sf.chat("hi")


BROKEN: Dict[str, List[Part]] = {
    "reset before the headers": [RESET],
    "closed before the headers": [CLOSE],
    "reset in the midst of the headers": [head(200)[:12], RESET],
    "closed in the midst of the headers": [head(200)[:12], CLOSE],
    "reset in the midst of the body": [head(200, {"content-length": "100"}), b'{"a"', RESET],
    "closed in the midst of the body": [head(200, {"content-length": "100"}), b'{"a"', CLOSE],
    "chunked body cut": [head(200, {"transfer-encoding": "chunked"}), b"5\r\nhel", CLOSE],
    "no HTTP at all": [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", CLOSE],
    "an endless header": [b"HTTP/1.1 200 OK\r\nx: " + b"a" * 400_000, CLOSE],
    "headers without a colon": [b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", CLOSE],
    "a body length that is no number": [head(200, {"content-length": "many"}), CLOSE],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_a_connection_error(sf: Face, server: HostileServer, fault: str) -> None:
    """B2: nothing of the transport library leaks."""
    server.answer(BROKEN[fault])
    with pytest.raises(smartflow.ConnectionError) as caught:
        sf.chat("hi")
    assert isinstance(caught.value, builtins.ConnectionError)
    assert server.url in str(caught.value)


def test_a_refused_connection_is_a_connection_error(connect: Connect) -> None:
    """B2."""
    with refusing_port() as port, pytest.raises(smartflow.ConnectionError) as caught:
        connect(f"http://127.0.0.1:{port}").chat("hi")
    assert str(port) in str(caught.value)
    assert "cannot be reached" in str(caught.value)


def test_an_unknown_host_is_a_connection_error(connect: Connect) -> None:
    with pytest.raises(smartflow.ConnectionError, match=r"nowhere\.invalid"):
        connect("http://nowhere.invalid:7775").chat("hi")


def test_https_spoken_to_a_plain_server_is_a_connection_error(connect: Connect, server: HostileServer) -> None:
    server.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with pytest.raises(smartflow.ConnectionError):
        connect(server.url.replace("http:", "https:")).chat("hi")


GARBAGE: List[bytes] = [b"{", b"nonsense", b"\xff\xfe\x00", b"[" * 100_000, b'{"a": NaN', b"\xef\xbb\xbf{", b"   "]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:12]))
def test_a_body_that_is_not_json_is_a_response_validation_error(sf: Face, server: HostileServer, body: bytes) -> None:
    server.answer(reply(body))
    with pytest.raises(smartflow.ResponseValidationError) as caught:
        sf.chat("hi")
    assert caught.value.status_code == 200


@pytest.mark.parametrize("body", [[], None, 5, "text", True])
@pytest.mark.parametrize(
    "method", [name for name in CALLS if name not in ("_get", "_post", "list_models", "text_to_speech")]
)
def test_json_that_is_no_object_is_a_response_validation_error(
    sf: Face, server: HostileServer, method: str, body: Any
) -> None:
    if body == [] and method in ("get_logs", "get_logs_hybrid", "get_audit_logs", "get_provider_health"):
        body = 5
    server.answer(reply(body))
    with pytest.raises(smartflow.ResponseValidationError):
        CALLS[method](sf)


@pytest.mark.parametrize(
    ("broken", "works"),
    [
        ({"choices": None}, False),
        ({"choices": "x"}, False),
        ({"choices": []}, True),
        ({"usage": None}, True),
        ({"choices": [{"message": None, "finish_reason": None}]}, True),
        ({"choices": [{}]}, True),
        ({"choices": [None]}, False),
        ({"choices": [{"message": {"content": None}}]}, True),
        ({"model": None, "id": None, "created": None}, True),
        ({"usage": "many"}, False),
        ({"usage": {"prompt_tokens": "x"}}, False),
        ({"created": {}}, False),
    ],
    ids=json.dumps,
)
def test_null_fields_of_a_chat_answer_have_defaults_and_others_are_our_error(
    sf: Face, server: HostileServer, broken: Any, works: bool
) -> None:
    """B12."""
    server.answer(reply(chat(**broken)))
    if works:
        assert isinstance(sf.chat("hi"), str)
    else:
        with pytest.raises(smartflow.ResponseValidationError):
            sf.chat("hi")


@pytest.mark.parametrize(
    "method", ["get_logs", "get_logs_hybrid", "get_audit_logs", "list_models", "get_provider_health"]
)
@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {}}, {"rows": []}, {"data": "x"}])
def test_a_list_answer_without_its_list_is_never_an_empty_list(
    sf: Face, server: HostileServer, method: str, body: Any
) -> None:
    """B12, D12."""
    server.answer(reply(body))
    with pytest.raises(smartflow.ResponseValidationError):
        CALLS[method](sf)


@pytest.mark.parametrize("body", [{}, {"valid": None}, {"valid": "true"}, {"valid": 1}, {"data": {}}, {"status": "ok"}])
def test_a_check_without_a_verdict_is_never_a_good_one(sf: Face, server: HostileServer, body: Any) -> None:
    server.answer(reply(body))
    with pytest.raises(smartflow.ResponseValidationError, match="verdict"):
        sf.verify_audit_chain()


def test_a_cut_gzip_body_is_a_connection_error(sf: Face, server: HostileServer) -> None:
    server.answer(zipped(json.dumps(chat("x" * 5000)).encode(), cut=12))
    with pytest.raises(smartflow.ConnectionError):
        sf.chat("hi")


def test_a_gzip_body_is_read(sf: Face, server: HostileServer) -> None:
    server.answer(zipped(json.dumps(chat("x" * 5000)).encode()))
    assert sf.chat("hi") == "x" * 5000


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_body_in_a_wrong_encoding_is_a_response_validation_error(
    sf: Face, server: HostileServer, encoding: str
) -> None:
    server.answer(reply(chat(), headers={"content-encoding": encoding}))
    with pytest.raises(smartflow.ResponseValidationError, match=encoding):
        sf.chat("hi")


def test_our_errors_are_also_the_builtin_ones() -> None:
    """B8."""
    assert issubclass(smartflow.TimeoutError, builtins.TimeoutError)
    assert issubclass(smartflow.ConnectionError, builtins.ConnectionError)
    assert issubclass(smartflow.ValidationError, ValueError)


def test_a_star_import_does_not_replace_builtins() -> None:
    """B8, B9."""
    assert not {"TimeoutError", "ConnectionError"} & set(smartflow.__all__)
    assert {"ValidationError", "CacheError", "SmartflowError"} <= set(smartflow.__all__)


@pytest.mark.parametrize("fault", ["reset before the headers", "closed in the midst of the body", "no HTTP at all"])
def test_nothing_of_httpx_leaks_through_a_client_of_the_users(
    connect: Connect, server: HostileServer, own_httpx: Callable[..., Any], fault: str
) -> None:
    """B2, through `http_client=`."""
    server.answer(BROKEN[fault])
    with pytest.raises(smartflow.ConnectionError):
        connect(http_client=own_httpx()).chat("hi")
