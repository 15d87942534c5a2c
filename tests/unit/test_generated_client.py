"""The generated client: pure requests, strict parsing of successes, one UNSET and one Error, nothing loaded early."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import pickle
import pkgutil
import subprocess
import sys
from importlib import import_module
from typing import Any, Dict, Iterator

import httpx
import pytest
import smartflow_generated
from smartflow_generated import client, types
from smartflow_generated.bridge.api.logs import get_hybrid_logs
from smartflow_generated.compliance.api.learning import get_learning_status
from smartflow_generated.management import models as management_models
from smartflow_generated.management.api.vas import get_vas_logs
from smartflow_generated.proxy import models as proxy_models
from smartflow_generated.proxy.api.audio import create_speech, create_transcription
from smartflow_generated.proxy.api.chat import create_chat_completion
from smartflow_generated.proxy.api.metrics import get_metrics
from smartflow_generated.shapes import proxy as shapes

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}


def modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(smartflow_generated.__path__, "smartflow_generated."):
        if ".server" not in module.name:
            yield module.name


def loaded_by(statement: str) -> str:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_every_module_imports_on_this_python() -> None:
    for name in modules():
        module = import_module(name)
        for exported in getattr(module, "__all__", ()):
            assert hasattr(module, exported), f"{name} does not have {exported}"


def test_every_operation_names_itself() -> None:
    found = [import_module(name) for name in modules() if name.count(".") == 4 and ".api." in name]
    operations = [module.operation for module in found]
    assert len({operation.operation_id for operation in operations}) == len(operations) >= 37
    for module in found:
        operation = module.operation
        assert operation.service == module.__name__.split(".")[1]
        assert operation.request is module.request and operation.parse is module.parse


def test_importing_an_operation_loads_no_models_and_no_heavy_library() -> None:
    loaded = loaded_by("import smartflow_generated.proxy.api.chat.create_chat_completion").split()
    assert "smartflow_generated.types" in loaded
    heavy = [name for name in loaded if name.split(".")[0] in ("attr", "attrs", "httpx") or ".models" in name]
    assert heavy == []


def test_importing_a_model_loads_only_what_it_needs() -> None:
    loaded = loaded_by("from smartflow_generated.management.models import CacheStats").split()
    assert "smartflow_generated.management.models.cache_stats" in loaded
    assert "smartflow_generated.management.models.system_health" not in loaded


def test_a_model_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        getattr(proxy_models, "Nonsense")  # noqa: B009


def test_there_is_one_error_model_for_all_services() -> None:
    assert proxy_models.Error is management_models.Error
    error = proxy_models.Error.from_dict({"error": {"message": "m", "type": "t", "code": "c"}})
    assert error.error.code == "c"


def test_there_is_one_unset_and_it_survives_copies() -> None:
    unset = proxy_models.Error.from_dict({"error": {"message": "m", "type": "t", "code": "c"}}).details
    assert unset is types.UNSET
    assert not types.UNSET
    assert repr(types.UNSET) == "UNSET"
    assert copy.deepcopy(types.UNSET) is types.UNSET
    assert pickle.loads(pickle.dumps(types.UNSET)) is types.UNSET


def test_a_mapping_is_sent_as_the_very_same_object() -> None:
    body: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "top_k": 5}
    request = create_chat_completion.request(body=body)
    assert request == {"method": "POST", "url": "/v1/chat/completions", "json": body}
    assert request["json"] is body


def test_a_model_is_sent_as_its_mapping() -> None:
    wire = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    body = proxy_models.ChatCompletionRequest.from_dict(wire)
    assert create_chat_completion.request(body=body)["json"] == wire


def test_a_shape_knows_its_required_keys() -> None:
    assert shapes.EmbeddingRequest.__required_keys__ == {"model", "input"}
    assert "dimensions" in shapes.EmbeddingRequest.__optional_keys__


def test_each_request_is_a_fresh_dict() -> None:
    assert get_metrics.request() is not get_metrics.request()


def test_what_is_not_given_is_left_out() -> None:
    assert get_hybrid_logs.request() == {"method": "GET", "url": "/api/redis/logs"}
    assert get_hybrid_logs.request(limit=5)["params"] == {"limit": 5}
    body: Any = {}
    headers = create_chat_completion.request(body=body, x_smartflow_user_id="ann", idempotency_key="k")["headers"]
    assert headers == {"x-smartflow-user-id": "ann", "Idempotency-Key": "k"}


@pytest.mark.parametrize(
    ("argument", "segment"),
    [("a/b", "a%2Fb"), ("a b?c#d", "a%20b%3Fc%23d"), ("%2e", "%252e"), ("ü", "%C3%BC"), ("../x", "..%2Fx")],
)
def test_a_path_argument_stays_one_segment(argument: str, segment: str) -> None:
    assert get_learning_status.request(argument)["url"] == f"/api/compliance/learning/status/{segment}"


@pytest.mark.parametrize("argument", ["", ".", ".."])
def test_a_path_argument_that_names_another_path_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match="user_id"):
        get_learning_status.request(argument)


def test_values_become_wire_values() -> None:
    role = proxy_models.AnthropicRole("user")
    moment = types.parse_datetime("2026-02-19T10:15:00Z")
    assert types.query_value([role, 3]) == ["user", 3]
    assert types.query_value(moment) == "2026-02-19T10:15:00+00:00"
    assert types.header_text(True) == "true"
    assert types.header_text(["a", role]) == "a,user"


def test_an_unknown_enum_value_passes_as_a_string() -> None:
    role = proxy_models.AnthropicRole("critic")
    assert isinstance(role, proxy_models.AnthropicRole)
    assert (role.value, str(role), role) == ("critic", "critic", "critic")
    assert role not in list(proxy_models.AnthropicRole)
    assert pickle.loads(pickle.dumps(role)) == role
    with pytest.raises(ValueError, match="3"):
        proxy_models.AnthropicRole(3)


def test_a_form_has_fields_and_files_and_no_boundary_of_ours() -> None:
    audio = types.File(io.BytesIO(b"RIFF"), "a.wav", "audio/wav")
    form: Any = {"file": audio, "model": "whisper-1", "temperature": 0.5, "timestamp_granularities[]": ["word"]}
    request = create_transcription.request(body=form)
    assert request["files"] == [
        ("file", audio.to_tuple()),
        ("model", (None, b"whisper-1")),
        ("temperature", (None, b"0.5")),
        ("timestamp_granularities[]", (None, b"word")),
    ]
    assert "headers" not in request
    sent = httpx.Request("POST", "http://gateway", files=request["files"])
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert sent.read().count(b"filename=") == 1


def test_a_form_model_makes_the_same_fields() -> None:
    body = proxy_models.TranscriptionRequest(file=types.File(io.BytesIO(b"RIFF"), "a.wav"), model="whisper-1")
    names = [name for name, _ in create_transcription.request(body=body)["files"]]
    assert sorted(names) == ["file", "model"]


def test_parse_gives_models_bytes_and_text() -> None:
    completion = create_chat_completion.parse(200, json.dumps(COMPLETION).encode())
    assert completion.choices[0].message.content == "Hi"
    assert create_speech.parse(200, b"ID3") == b"ID3"
    assert get_metrics.parse(200, "gültig 1".encode()) == "gültig 1"


@pytest.mark.parametrize("status", [199, 204, 302, 400, 503])
def test_parse_refuses_every_other_status(status: int) -> None:
    with pytest.raises(types.UnexpectedStatus) as caught:
        create_chat_completion.parse(status, b"secret text")
    assert (caught.value.status_code, caught.value.content) == (status, b"secret text")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b"{}", b'{"choices": 3}'])
def test_parse_refuses_a_body_that_breaks_the_contract(content: bytes) -> None:
    with pytest.raises(types.UnexpectedContent, match="200"):
        create_chat_completion.parse(200, content)


def answer(request: httpx.Request) -> httpx.Response:
    assert request.headers["authorization"] == "Bearer sk-sf-1"
    if request.url.path == "/v1/chat/completions":
        return httpx.Response(200, json=COMPLETION)
    return httpx.Response(307, headers={"location": "http://elsewhere/"})


def test_the_client_calls_operations_and_follows_no_redirect() -> None:
    body: Any = {"model": "gpt-4o", "messages": []}
    with client.Client("http://gateway", "sk-sf-1", transport=httpx.MockTransport(answer)) as low:
        assert low.call(create_chat_completion.operation, body=body).id == "chatcmpl-1"
        with pytest.raises(types.UnexpectedStatus, match="307"):
            low.call(get_vas_logs.operation, limit=1)
        assert "sk-sf-1" not in repr(low)


def test_the_async_client_calls_operations() -> None:
    async def call() -> str:
        body: Any = {"model": "gpt-4o", "messages": []}
        async with client.AsyncClient("http://gateway", "sk-sf-1", transport=httpx.MockTransport(answer)) as low:
            return (await low.call(create_chat_completion.operation, body=body)).id

    assert asyncio.run(call()) == "chatcmpl-1"


def test_an_encoded_segment_arrives_as_it_was_encoded() -> None:
    seen: Dict[str, Any] = {}

    def record(request: httpx.Request) -> httpx.Response:
        seen["path"] = request.url.raw_path
        return httpx.Response(404)

    low = client.Client("http://gateway/base", transport=httpx.MockTransport(record))
    with low, pytest.raises(types.UnexpectedStatus):
        low.call(get_learning_status.operation, "a/b")
    assert seen["path"] == b"/base/api/compliance/learning/status/a%2Fb"
