"""Handlers and contract must fit each other, and every part of a request that does not fit is named."""

from __future__ import annotations

import pytest
from smartflow_generated.server.proxy import models
from smartflow_generated.server.proxy.routes import ROUTES
from smartflow_generated.server.route import Route

from smartflow.gateway.audit.record import CONTENT_TYPES
from smartflow.gateway.contract import SERVICES, Contract, ContractError, load_contract, operation
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.reading import check, form_params, parse_json
from smartflow.gateway.routes import Routes


def route(method, path, operation_id="op"):
    return Route(operation_id=operation_id, method=method, path=path, service="proxy", tag="t", summary="s")


async def handler(call):
    return {}


def test_only_the_agent_operations_are_unhandled():
    expected = ["callMcpServer", "getAgentCard", "getMcpUsage", "searchMcpTools", "sendAgentTask"]
    assert load_contract().unhandled() == expected


def test_a_handler_for_an_unknown_operation_fails_at_start():
    with pytest.raises(ContractError, match="noSuchThing"):
        Contract({"proxy": ROUTES}, {"noSuchThing": handler})


def test_two_handlers_for_one_operation_fail():
    load_contract()

    async def other(call):
        return {}

    with pytest.raises(ContractError, match="getVasLogs"):
        operation("getVasLogs")(other)


def test_every_audited_operation_is_declared():
    contract = load_contract()
    assert set(CONTENT_TYPES) <= {each.operation_id for service in SERVICES for each in contract.routes[service]}


def found_at(routes, path):
    found = routes.find(path)
    assert found is not None
    return found


def test_a_literal_segment_beats_a_parameter():
    routes = Routes([route("GET", "/a/{x}", "any"), route("GET", "/a/b", "literal")])
    assert found_at(routes, "/a/b").methods["GET"].operation_id == "literal"
    assert found_at(routes, "/a/c").values == {"x": "c"}


def test_methods_of_one_path_are_told_together():
    found = found_at(Routes([route("GET", "/a"), route("POST", "/a")]), "/a")
    assert found.allow == "GET, HEAD, OPTIONS, POST"


def test_a_final_slash_may_be_left_out_only_where_it_is_declared():
    routes = Routes([route("POST", "/{server_id}/mcp/"), route("GET", "/a")])
    for path in ("/github/mcp", "/github/mcp/"):
        assert found_at(routes, path).values == {"server_id": "github"}
    assert routes.find("/a/") is None


@pytest.mark.parametrize("path", ["", "/", "//mcp/", "/a/b", "/a%2Fb"])
def test_other_paths_are_not_found(path):
    assert Routes([route("POST", "/{server_id}/mcp/"), route("GET", "/a")]).find(path) is None


def test_a_segment_is_decoded_after_it_was_matched():
    assert found_at(Routes([route("GET", "/u/{id}/x")]), "/u/a%2Fb%20c/x").values == {"id": "a/b c"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a":1,"a":1}', "twice"), (b"[1]", "object"), (b'{"a":Infinity}', "Infinity"), (b"{'a':1}", "line 1, column 2"),
        (b"\xff", "UTF-8"), (b'{"a":1e400}', "too large"), (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "deeper"),
        (b'{"a":"\\uDc00"}', "surrogate"),
    ],
)  # fmt: skip
def test_json_that_is_no_plain_object_is_refused_with_a_reason(body, words):
    with pytest.raises(GatewayError, match=words) as refused:
        parse_json(body)
    assert refused.value.status == 400


def test_json_with_escaped_pairs_and_deep_but_bounded_nesting_is_read():
    nested = b'{"a":' + b"[" * 90 + b'"\\ud83d\\ude00"' + b"]" * 90 + b"}"
    value = parse_json(nested)["a"]
    while isinstance(value, list):
        value = value[0]
    assert value == "\U0001f600"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        (
            {"model": "m", "messages": [{"role": "user", "content": "x"}, {"role": "user", "content": 5}]},
            "messages.1.content",
        ),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages.0.role"),
        (
            {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages.0.content.0.image_url.url",
        ),
        (
            {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema"}},
            "response_format.json_schema",
        ),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "stop": [""]}, "stop.0"),
    ],
)
def test_the_wrong_field_is_named_by_its_path(body, param):
    with pytest.raises(GatewayError) as refused:
        check(models.ChatCompletionRequest, body)
    assert refused.value.extras["param"] == param


def test_the_members_of_a_form_keep_their_types():
    kinds = {param.name: param.schema.get("type") for param in form_params(models.TranscriptionRequest)}
    assert (kinds["temperature"], kinds["language"]) == ("number", "string")


def test_an_error_carries_what_it_knows_and_no_more():
    error = GatewayError(429, None, "rate_limited", "wait", retry_after=3, provider=None)
    assert error.body("req_1") == {
        "error": {
            "message": "wait",
            "type": "rate_limit_error",
            "code": "rate_limited",
            "retry_after": 3,
            "request_id": "req_1",
        }
    }
    assert error.all_headers() == {"retry-after": "3"}
    assert error.body("req_1", anthropic=True)["type"] == "error"
