"""Holds surface.toml against the contract, the clients, the gateway and the tests, in both directions."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.bundle import SERVICES, Operation, bundle, load, operations
from scripts.unasync import Rules
from smartflow import SmartflowClient, SyncSmartflowClient
from smartflow.gateway.contract import load_contract
from tests.support.surface import BY_METHOD, EXTRAS, LISTED, MANIFEST

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = (SmartflowClient, SyncSmartflowClient)

# What neither the documentation nor the earlier SDK has.
NEW = {
    "iter_logs",
    "export_logs",
    "get_audit_logs",
    "iter_audit_logs",
    "verify_audit_chain",
    "list_fallback_chains",
    "get_fallback_chain",
    "create_fallback_chain",
    "update_fallback_chain",
    "delete_fallback_chain",
    "create_virtual_key",
    "get_virtual_key",
    "list_virtual_keys",
    "update_virtual_key",
    "revoke_virtual_key",
}

# The signatures of the documentation, without `self`.
DOCUMENTED = {
    "__init__": "base_url=None, api_key=None, timeout=30.0, management_port=7778, compliance_port=7777, bridge_port=3500",
    "chat": "message, model='gpt-4o', system_prompt=None, temperature=0.7, max_tokens=None, **kwargs",
    "chat_completions": "messages, model='gpt-4o', temperature=0.7, max_tokens=None, stream=False, **kwargs",
    "stream_chat": "message, model='gpt-4o', system_prompt=None, temperature=0.7, max_tokens=None, **kwargs",
    "claude_message": "message, model='claude-sonnet-4-6', max_tokens=1024, system=None, anthropic_key=None",
    "embeddings": "input, model='text-embedding-3-small', encoding_format='float', dimensions=None, input_type=None, **kwargs",
    "image_generation": "prompt, model='dall-e-3', n=1, size='1024x1024', quality=None, response_format='url', style=None, **kwargs",
    "audio_transcription": "file, model='whisper-1', language=None, prompt=None, response_format='json', temperature=0.0,"
    " filename='audio.mp3', **kwargs",
    "text_to_speech": "input, model='tts-1', voice='alloy', response_format='mp3', speed=1.0, **kwargs",
    "rerank": "query, documents, model='rerank-english-v3.0', top_n=None, **kwargs",
    "list_models": "",
    "chatbot_query": "query",
    "intelligent_scan": "content, user_id=None, org_id=None, context=None",
    "check_compliance": "content, policy='enterprise_standard'",
    "redact_pii": "content",
    "submit_compliance_feedback": "scan_id, is_false_positive, user_id=None, notes=None",
    "get_learning_summary": "",
    "get_learning_status": "user_id",
    "get_ml_stats": "",
    "get_org_baseline": "org_id",
    "get_org_summary": "",
    "get_persistence_stats": "",
    "save_compliance_data": "",
    "get_intelligent_health": "",
    "get_cache_stats": "",
    "get_provider_health": "",
    "health_comprehensive": "",
    "health": "",
    "readiness": "",
    "get_logs": "limit=100, offset=0, provider=None, model=None, days=30",
    "get_logs_hybrid": "limit=100",
    "get_analytics": "start_date=None, end_date=None",
    "get_routing_status": "",
    "force_provider": "provider, duration_seconds=300",
    "is_gateway_mode": "",
    "close": "",
    "_ensure_client": "",
}


def declared() -> Iterator[tuple[str, Operation]]:
    common = load(ROOT / "openapi" / "common.yaml")
    for service in SERVICES:
        path = ROOT / "openapi" / f"{service}.yaml"
        if path.exists():
            for operation in operations(bundle(load(path), common, path.name), path.name):
                yield service, operation


DECLARED = list(declared())


def test_every_operation_of_the_contract_is_listed_once() -> None:
    in_contract = Counter((service, operation.operation_id) for service, operation in DECLARED)
    assert Counter((service, name) for service, name, _ in LISTED) == in_contract
    assert max(Counter(name for _, name, _ in LISTED).values()) == 1


@pytest.mark.parametrize(("service", "name", "entry"), LISTED, ids=[name for _, name, _ in LISTED])
def test_an_entry_says_what_there_is_or_why_not(service: str, name: str, entry: dict[str, Any]) -> None:
    assert set(entry) <= {"methods", "no_method", "handler", "no_handler", "tests"}
    assert ("methods" in entry) != ("no_method" in entry)
    assert ("handler" in entry) != ("no_handler" in entry)
    assert entry["tests"]
    assert all(entry[reason] for reason in ("no_method", "no_handler") if reason in entry)


@pytest.mark.parametrize(("service", "operation"), DECLARED, ids=[operation.operation_id for _, operation in DECLARED])
def test_the_methods_are_those_that_the_contract_names(service: str, operation: Operation) -> None:
    named = operation.data.get("x-sdk-method", [])
    assert MANIFEST[service][operation.operation_id].get("methods", []) == (
        [named] if isinstance(named, str) else named
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_every_public_name_of_a_client_is_listed_and_every_listed_name_is_there(client: type) -> None:
    public = {name for name in dir(client) if not name.startswith("_")}
    assert public == set(BY_METHOD) | set(EXTRAS)
    assert not set(BY_METHOD) & set(EXTRAS)
    assert len(BY_METHOD) == sum(len(entry.get("methods", ())) for _, _, entry in LISTED)


HANDLED = {name: entry["handler"] for _, name, entry in LISTED if "handler" in entry}


@pytest.mark.parametrize("name", HANDLED)
def test_the_handler_is_the_one_that_the_gateway_calls(name: str) -> None:
    module, _, function = HANDLED[name].partition(":")
    assert getattr(importlib.import_module(module), function) is load_contract().handler(name)


def test_only_operations_with_a_reason_have_no_handler() -> None:
    assert load_contract().unhandled() == sorted(name for _, name, entry in LISTED if "no_handler" in entry)


@pytest.mark.parametrize(
    ("service", "operation"),
    [(service, each) for service, each in DECLARED if "no_handler" in MANIFEST[service][each.operation_id]],
    ids=lambda item: getattr(item, "operation_id", item),
)
def test_an_operation_without_a_handler_answers_501(smartflow_gateway: Any, service: str, operation: Operation) -> None:
    url = smartflow_gateway.url + re.sub(r"{\w+}", "some-id", operation.path)
    content = operation.data.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = content.get("example") or next((each["value"] for each in content.get("examples", {}).values()), None)
    query = {parameter["name"]: parameter["example"] for parameter in operation.located("query")}
    answer = httpx.request(operation.method, url, params=query, json=body, trust_env=False)
    assert answer.status_code == 501
    assert answer.json()["error"]["code"] == "not_implemented"


def functions_of(path: Path) -> dict[str, str]:
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


@pytest.mark.parametrize(("service", "name", "entry"), LISTED, ids=[name for _, name, _ in LISTED])
def test_the_tests_are_there_and_call_each_method(service: str, name: str, entry: dict[str, Any]) -> None:
    sources = []
    for test in entry["tests"]:
        path, _, function = test.partition("::")
        assert function.startswith("test_")
        sources.append(functions_of(ROOT / path)[function])
    together = "\n".join(sources)
    assert "assert" in together
    for method in entry.get("methods", ()):
        assert f".{method}(" in together
    if "methods" not in entry and "handler" in entry:
        path = next(operation.path for _, operation in DECLARED if operation.operation_id == name)
        assert f'"{path}"' in together


def documented(text: str) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(eval(f"lambda {text}: None")).parameters.values()  # noqa: S307 - texts of this module
    return [(parameter.name, parameter.default, parameter.kind) for parameter in parameters]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("method", DOCUMENTED)
def test_documented_signatures_and_defaults_hold(client: type, method: str) -> None:
    parameters = list(inspect.signature(getattr(client, method)).parameters.values())[1:]
    found = [(parameter.name, parameter.default, parameter.kind) for parameter in parameters]
    promised = documented(DOCUMENTED[method])
    assert found[: len(promised)] == promised
    assert all(default is not inspect.Parameter.empty for _, default, _ in found[len(promised) :])


def test_every_listed_method_is_documented_or_new() -> None:
    assert set(BY_METHOD) - set(DOCUMENTED) == NEW


@pytest.mark.parametrize("name", [*BY_METHOD, *EXTRAS, "__init__", "_get", "_post", "_ensure_client"])
def test_async_and_sync_signatures_are_equal(name: str) -> None:
    theirs, ours = (inspect.getattr_static(client, name) for client in CLIENTS)
    if isinstance(theirs, property):
        assert isinstance(ours, property)
        theirs, ours = theirs.fget, ours.fget
    # A sentinel's repr holds its address.
    wanted, found = (re.sub(r" at 0x\w+", "", str(inspect.signature(function))) for function in (theirs, ours))
    # What a function of the user's gives is awaited there.
    assert Rules().text(re.sub(r"Awaitable\[(\w+)\]", r"\1", wanted)) == found
    assert not inspect.iscoroutinefunction(ours)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("method", BY_METHOD)
def test_a_docstring_says_what_comes_back_with_an_example_and_the_operation(client: type, method: str) -> None:
    text = inspect.getdoc(getattr(client, method)) or ""
    first, _, rest = text.partition("\n")
    assert re.match(r"(Return|Yield)s? .*[.;]$", first)
    assert not rest or rest.startswith("\n")
    assert re.search(r"^Raises:$", text, re.M)
    assert re.search(r"^Example:\n +>>> ", text, re.M)
    assert re.findall(r"^Operation: (\w+)$", text, re.M) == [BY_METHOD[method]]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("method", BY_METHOD)
def test_a_docstring_explains_every_argument(client: type, method: str) -> None:
    text = inspect.getdoc(getattr(client, method)) or ""
    for name in list(inspect.signature(getattr(client, method)).parameters)[1:]:
        assert re.search(rf"^ +\**{name}: ", text, re.M), f"{method} does not explain {name}"


@pytest.mark.parametrize("name", EXTRAS)
def test_what_is_no_operation_is_documented_too(name: str) -> None:
    assert (inspect.getdoc(inspect.getattr_static(SmartflowClient, name)) or "").split("\n")[0].endswith(".")
