"""The generated server side: strict JSON, exact parameters, and a route table that says all the contract says."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

if sys.version_info < (3, 11):
    pytest.skip("the gateway needs Python 3.11", allow_module_level=True)

from pydantic import ValidationError
from smartflow_generated.server.base import DateTime, Model
from smartflow_generated.server.bridge.routes import ROUTES as BRIDGE_ROUTES
from smartflow_generated.server.proxy import models
from smartflow_generated.server.proxy.routes import ROUTES as PROXY_ROUTES
from smartflow_generated.server.route import Param, Route, convert

from scripts.bundle import COMMON, SERVICES, bundle, load, operations, resolve
from scripts.tree import ROOT

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
DOCUMENTS = [service for service in SERVICES if (ROOT / "openapi" / f"{service}.yaml").exists()]


class Moment(Model):
    at: DateTime


def bundled(service: str) -> dict[str, Any]:
    folder = ROOT / "openapi"
    return bundle(load(folder / f"{service}.yaml"), load(folder / COMMON), service)


def routes_of(service: str) -> dict[str, Route]:
    table = import_module(f"smartflow_generated.server.{service}.routes").ROUTES
    return {route.operation_id: route for route in table}


def examples(document: dict[str, Any], content: dict[str, Any]) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield resolve(document, example)["value"]


@pytest.mark.parametrize("service", DOCUMENTS)
def test_every_operation_is_in_the_table_with_all_that_is_declared(service: str) -> None:
    document, routes = bundled(service), routes_of(service)
    declared = operations(document, service)
    assert [operation.operation_id for operation in declared] == list(routes)
    for operation in declared:
        route = routes[operation.operation_id]
        assert (route.method, route.path, route.tag) == (operation.method, operation.path, operation.tag)
        assert sorted(route.responses) == sorted(int(code) for code in operation.data["responses"])
        assert set(route.security) == {name for need in operation.data["security"] for name in need}
        params = [*route.path_params, *route.query_params, *route.header_params]
        assert sorted(p.name for p in params) == sorted(
            p["name"].lower() if p["in"] == "header" else p["name"] for p in operation.parameters
        )


@pytest.mark.parametrize("service", DOCUMENTS)
def test_every_example_of_the_contract_fits_its_model(service: str) -> None:
    document, routes = bundled(service), routes_of(service)
    checked = 0
    for operation in operations(document, service):
        route = routes[operation.operation_id]
        carriers = [(response, route.responses[int(code)]) for code, response in operation.data["responses"].items()]
        if "requestBody" in operation.data:
            carriers.append((operation.data["requestBody"], route.request_bodies))
        for carrier, by_media in carriers:
            for media, content in resolve(document, carrier).get("content", {}).items():
                model = by_media[media]
                for example in examples(document, content) if model else ():
                    assert model is not None
                    model.model_validate(example)
                    model.model_validate_json(json.dumps(example))
                    checked += 1
    assert checked >= len(routes)


@pytest.mark.parametrize(
    "change",
    [
        {"stream": 0},
        {"stream": "true"},
        {"temperature": "5"},
        {"temperature": True},
        {"max_tokens": "5"},
        {"max_tokens": True},
        {"max_tokens": 1.5},
        {"model": 3},
    ],
)
def test_a_body_is_not_coerced(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        models.ChatCompletionRequest.model_validate({**CHAT, **change})


@pytest.mark.parametrize("text", ["NaN", "Infinity"])
def test_a_number_that_json_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        models.ChatCompletionRequest.model_validate_json(json.dumps(CHAT)[:-1] + f', "temperature": {text}}}')


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert models.EmbeddingRequest.model_validate({"model": "m", "input": "a", "dimensions": 5.0}).dimensions == 5
    assert models.ChatCompletionRequest.model_validate({**CHAT, "temperature": 1}).temperature == 1.0


def test_an_absent_member_is_none_but_an_explicit_null_is_refused_by_name() -> None:
    assert models.EmbeddingRequest.model_validate({"model": "m", "input": "a"}).dimensions is None
    with pytest.raises(ValidationError) as caught:
        models.EmbeddingRequest.model_validate({"model": "m", "input": "a", "dimensions": None})
    assert [error["loc"] for error in caught.value.errors()] == [("dimensions",)]
    assert "null" in caught.value.errors()[0]["msg"]


def test_null_is_taken_where_the_contract_has_it() -> None:
    tool = {"name": "get_weather", "input_schema": {"type": "object"}, "cache_control": None}
    assert models.AnthropicTool.model_validate(tool).cache_control is None


def test_unknown_members_are_kept_where_the_contract_is_open() -> None:
    request = models.ChatCompletionRequest.model_validate({**CHAT, "top_a": 0.2})
    assert request.model_dump(exclude_unset=True)["top_a"] == 0.2


@pytest.mark.parametrize("value", [5, 1767225600.0, "2026-02-19", "2026-02-19T10:15:00", "2026-02-19 10:15:00Z", ""])
def test_a_moment_is_written_in_the_one_way(value: Any) -> None:
    with pytest.raises(ValidationError):
        Moment.model_validate({"at": value})
    assert Moment.model_validate({"at": "2026-02-19T10:15:00Z"}).at.year == 2026


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "50", 50),
        ("integer", "-1", -1),
        ("integer", "5.0", "5.0"),
        ("integer", "1_000", "1_000"),
        ("integer", " 5", " 5"),
        ("integer", "٣", "٣"),
        ("integer", "9" * 5000, "9" * 5000),
        ("number", "0.5e2", 50.0),
        ("number", "nan", "nan"),
        ("boolean", "true", True),
        ("boolean", "1", "1"),
        ("string", "50", "50"),
    ],
)
def test_a_parameter_is_converted_exactly(kind: str, text: str, value: Any) -> None:
    assert convert([Param("p", False, {"type": kind})], [("p", text)]) == {"p": value}


def test_a_list_repeats_its_key_and_a_scalar_must_not() -> None:
    params = [
        Param("ids", False, {"type": "array", "items": {"type": "integer"}}),
        Param("n", False, {"type": "integer"}),
    ]
    assert convert(params, [("ids", "1"), ("ids", "2"), ("n", "1"), ("n", "2"), ("x", "3")]) == {
        "ids": [1, 2],
        "n": [1, 2],
    }


def test_parameter_models_validate_what_was_converted() -> None:
    route = next(route for route in BRIDGE_ROUTES if route.operation_id == "getHybridLogs")
    assert route.query_model is not None
    assert route.query_model.model_validate(convert(route.query_params, [("limit", "5")])).model_dump()["limit"] == 5
    for text in ("0", "abc", "1e3"):
        with pytest.raises(ValidationError) as caught:
            route.query_model.model_validate(convert(route.query_params, [("limit", text)]))
        assert caught.value.errors()[0]["loc"] == ("limit",)


def test_header_parameters_have_lower_case_wire_names() -> None:
    route = next(route for route in PROXY_ROUTES if route.operation_id == "createChatCompletion")
    assert "idempotency-key" in [param.name for param in route.header_params]
    assert route.header_model is not None
    given = route.header_model.model_validate(convert(route.header_params, [("idempotency-key", "k-1")]))
    assert given.model_dump(exclude_unset=True) == {"idempotency-key": "k-1"}
