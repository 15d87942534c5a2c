"""What every request meets before and after its handler."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def raw(url, request):
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), 5) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def test_every_answer_carries_the_request_id_and_says_that_it_is_an_emulator(gateway):
    for answer in (gateway.chat(), gateway.proxy.get("/nowhere"), gateway.proxy.get("/health/liveliness")):
        assert answer.headers["x-smartflow-request-id"].startswith("req_")
        assert answer.headers["x-smartflow-emulator"] == "1"


def test_an_operation_without_a_handler_answers_501(gateway):
    answer = gateway.proxy.get("/api/mcp/usage")
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == "not_implemented"


def test_an_unknown_path_is_404_in_the_error_shape(gateway):
    answer = gateway.proxy.get("/v2/chat")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert answer.json()["error"]["request_id"] == answer.headers["x-smartflow-request-id"]


def test_a_wrong_method_is_405_and_names_the_right_one(gateway):
    answer = gateway.proxy.get("/v1/chat/completions")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "OPTIONS, POST"


def test_head_is_a_get_without_a_body(gateway):
    answer = gateway.proxy.head("/health/liveliness")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_options_names_the_methods_and_allows_no_other_origin(gateway):
    answer = gateway.proxy.options("/v1/models", headers={"origin": "http://localhost:3000"})
    assert answer.status_code == 204
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:80/#@evil", "", "10.0.0.1:7775"])
def test_a_host_header_of_another_machine_is_refused(gateway, host):
    answer = gateway.proxy.get("/health/liveliness", headers={"host": host})
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:7775"])
def test_a_host_header_of_this_machine_is_accepted(gateway, host):
    assert gateway.proxy.get("/health/liveliness", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://[bad"])
def test_a_foreign_origin_is_refused(gateway, origin):
    answer = gateway.chat(headers={"origin": origin})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "origin_refused"


def test_an_origin_of_this_machine_is_accepted(gateway):
    assert gateway.chat(headers={"origin": "http://localhost:3000"}).status_code == 200


def test_a_body_over_the_limit_is_413(start_gateway):
    small = start_gateway(body_limit=1000)
    answer = small.chat("x" * 1500)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "body_too_large"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b'"text"', b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\xff"}',
        b'{"a": "\\ud800"}', b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"a": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_body_that_is_no_plain_json_object_is_400(gateway, body):
    answer = gateway.proxy.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_another_content_type_is_400(gateway):
    answer = gateway.proxy.post(
        "/v1/chat/completions", content=json.dumps(CHAT), headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "content-type"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"n": 0}, "n"),
    ],
)
def test_a_request_that_does_not_fit_is_400_and_param_names_the_field(gateway, change, param):
    answer = gateway.proxy.post("/v1/chat/completions", json={**CHAT, **change})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_the_value_of_a_refused_field_is_not_repeated(gateway):
    answer = gateway.proxy.post("/v1/chat/completions", json={**CHAT, "temperature": "my secret words"})
    assert "secret" not in answer.text


def test_a_query_parameter_that_does_not_fit_is_400(gateway):
    answer = gateway.management.get("/api/vas/logs", params={"limit": -1})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "limit"


def test_the_anthropic_path_has_anthropics_error_shape(gateway):
    answer = gateway.proxy.post("/anthropic/v1/messages", json={"model": "claude-sonnet-4-6"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_chunked_body_without_a_length_is_read(gateway):
    body = json.dumps(CHAT).encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n"
    assert raw(gateway.urls["proxy"], head + b"transfer-encoding: chunked\r\n\r\n" + chunked).startswith(
        b"HTTP/1.1 200"
    )


def test_an_encoded_slash_does_not_reach_another_path(gateway):
    assert gateway.proxy.get("/v1%2Fmodels").status_code == 404
    answer = gateway.compliance.get("/api/compliance/learning/status/..%2F..%2Fsummary")
    assert answer.json()["error"]["message"].startswith("no scan of this user")


def test_the_api_key_is_required_where_the_contract_secures(start_gateway):
    locked = start_gateway(api_key="sk-sf-right")
    assert locked.chat().status_code == 401
    assert locked.chat(headers={"authorization": "Bearer sk-sf-wrong"}).status_code == 401
    assert locked.chat(headers={"authorization": "Bearer sk-sf-right"}).status_code == 200
    assert locked.chat(headers={"x-api-key": "sk-sf-right"}).status_code == 401
    assert locked.proxy.get("/health/liveliness").status_code == 200


def test_the_anthropic_paths_take_the_key_as_x_api_key(start_gateway):
    locked = start_gateway(api_key="sk-sf-right")
    body = {"model": "claude-sonnet-4-6", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
    assert locked.proxy.post("/v1/messages", json=body).status_code == 401
    assert locked.proxy.post("/v1/messages", json=body, headers={"x-api-key": "sk-sf-right"}).status_code == 200


def test_a_call_without_the_key_leaves_no_audit_row(start_gateway):
    locked = start_gateway(api_key="sk-sf-right")
    locked.chat()
    assert locked.gateway.audit.totals(locked.clock.now())["requests"] == 0


def test_an_unexpected_exception_is_a_500_without_details_and_logged_without_content(fresh_gateway, caplog):
    fresh_gateway.gateway.inference.plan = None
    answer = fresh_gateway.chat("the words of the request")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "NoneType" not in answer.text
    logged = [record.getMessage() for record in caplog.records if record.name == "smartflow.gateway"]
    assert any(answer.headers["x-smartflow-request-id"] in line and "TypeError" in line for line in logged)
    assert "the words of the request" not in "".join(logged)


def test_an_answer_that_does_not_fit_the_contract_is_a_500(fresh_gateway, caplog):
    fresh_gateway.gateway.cache.stats = lambda now: {"hits": -1}
    answer = fresh_gateway.management.get("/api/metacache/stats")
    assert answer.status_code == 500
    assert any("does not fit the contract" in record.getMessage() for record in caplog.records)
