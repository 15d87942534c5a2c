"""What OpenAI-compatible providers answer, whole, streamed, and as errors of every kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smartflow.exceptions import ConfigError, ResponseValidationError, ValidationError
from smartflow.providers import table
from smartflow.providers.dialect import StreamReader, Target, dialect_for
from smartflow.providers.errors import missing_key

BODY = {"model": "llama", "messages": [{"role": "user", "content": "Hi"}]}
GROQ = dialect_for("groq")


def chunk(delta: dict[str, Any], reason: str | None = None, index: int = 0) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "llama", "choices": [choice]}


def read(reader: StreamReader, value: dict[str, Any]) -> list[dict[str, Any]]:
    return reader.read("", json.dumps(value).encode())


def test_an_answer_passes_with_the_name_of_its_provider() -> None:
    answer = {"id": "c", "choices": [{"index": 0}], "usage": {"total_tokens": 1}, "x_groq": {"id": "r"}}
    assert GROQ.read_chat(answer, BODY) == {**answer, "provider": "groq"}


@pytest.mark.parametrize("wrong", [None, [], "text", {}, {"choices": None}, {"error": {"message": "no"}}])
def test_an_answer_in_another_shape_is_refused(wrong: Any) -> None:
    with pytest.raises(ResponseValidationError, match="Groq"):
        GROQ.read_chat(wrong, BODY)


def test_unknown_members_of_a_request_are_passed_on() -> None:
    call = GROQ.chat({**BODY, "model": "groq/llama", "service_tier": "flex"}, Target("groq", "llama", "https://g.test"))
    assert call.json == {**BODY, "service_tier": "flex"}


def test_chunks_pass_and_done_ends_the_stream() -> None:
    reader = GROQ.stream(BODY)
    assert read(reader, chunk({"content": "Hi"})) == [chunk({"content": "Hi"})]
    assert not reader.finished
    assert reader.read("", b" [DONE]") == []
    assert reader.finished


def test_a_provider_without_done_ends_with_its_last_choice() -> None:
    reader = GROQ.stream(BODY)
    read(reader, chunk({"content": "a"}))
    read(reader, chunk({"content": "b"}, index=1))
    read(reader, chunk({}, "stop"))
    assert not reader.finished
    read(reader, chunk({}, "stop", 1))
    read(reader, {"choices": [], "usage": {"total_tokens": 3}})
    assert reader.finished


@pytest.mark.parametrize(
    ("name", "data", "message", "kind"),
    [
        ("", {"error": {"message": "slow down", "type": "rate_limit_error"}}, "slow down", "rate_limit_error"),
        ("", {"error": {"message": "slow down", "code": 429}}, "slow down", "rate_limit_error"),
        ("", {"error": "it broke"}, "it broke", "provider_error"),
        ("error", {"message": "it broke"}, "it broke", "provider_error"),
    ],
)
def test_an_error_in_a_stream_is_told_in_the_public_shape(name: str, data: Any, message: str, kind: str) -> None:
    (found,) = GROQ.stream(BODY).read(name, json.dumps(data).encode())
    assert (found["error"]["message"], found["error"]["type"]) == (message, kind)
    assert found["error"]["provider"] == "groq"


@pytest.mark.parametrize("data", [b"{", b"[]", b"<html>", b'"text"'])
def test_an_event_that_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(ResponseValidationError, match="Groq"):
        GROQ.stream(BODY).read("", data)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": {"message": "Bad key", "code": "invalid_api_key"}}, ("Bad key", "authentication_error", "invalid_api_key")),
        (404, {"error": {"message": "No such model", "type": "invalid_request_error"}}, ("No such model", "invalid_request_error", "invalid_request_error")),
        (429, {"error": "Too many"}, ("Too many", "rate_limit_error", "rate_limit_error")),
        (429, {"message": "Too many"}, ("Too many", "rate_limit_error", "rate_limit_error")),
        (400, [{"error": {"code": 400, "message": "Bad", "status": "INVALID_ARGUMENT"}}], ("Bad", "invalid_request_error", "INVALID_ARGUMENT")),
        (422, {"detail": [{"loc": ["body"]}]}, ('[{"loc": ["body"]}]', "invalid_request_error", "invalid_request_error")),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, ("Busy", "overloaded_error", "overloaded_error")),
        (500, b"upstream went away", ("upstream went away", "provider_error", "provider_error")),
        (502, b"", ("Groq answered status 502 without saying why", "provider_error", "provider_error")),
        (503, None, ("Groq answered status 503 without saying why", "provider_error", "provider_error")),
        (418, {"error": {}}, ("Groq answered status 418 without saying why", "api_error", "api_error")),
    ],
)  # fmt: skip
def test_an_error_answer_of_any_shape_is_read(status: int, body: Any, expected: tuple[str, str, str]) -> None:
    error = GROQ.read_error(status, json.dumps(body).encode() if isinstance(body, (dict, list)) else body)["error"]
    assert (error["message"], error["type"], error["code"]) == expected
    assert error["provider"] == "groq"


def test_a_web_page_instead_of_an_error_is_explained() -> None:
    error = GROQ.read_error(403, b"<!DOCTYPE html><html><body>Sign in to the hotel network</body></html>")["error"]
    assert "a web page instead of JSON" in error["message"]
    assert "GROQ_BASE_URL" in error["message"]
    assert "hotel" not in error["message"]


def test_an_error_shows_no_key_and_has_an_end() -> None:
    body = {"error": {"message": "Incorrect key sk-canary-0123456789 " + "x" * 9000}}
    message = GROQ.read_error(401, body)["error"]["message"]
    assert "canary" not in message
    assert len(message) <= 2000


def test_a_missing_key_names_its_variable() -> None:
    error = missing_key(table.PROVIDERS["nvidia_nim"])
    assert isinstance(error, ConfigError)
    assert "NVIDIA_NIM_API_KEY" in str(error)
    assert error.provider == "nvidia_nim"


def test_models_are_listed_in_one_shape() -> None:
    listed = {"object": "list", "data": [{"id": "a", "object": "model", "owned_by": "together"}]}
    assert dialect_for("together").read_models([{"id": "a"}, {"name": "no id"}]) == listed
    own = {"object": "list", "data": [{"id": "a", "object": "model", "owned_by": "Meta", "created": 1}]}
    assert GROQ.read_models({"data": [{"id": "a", "owned_by": "Meta", "created": 1}]}) == own
    with pytest.raises(ResponseValidationError):
        GROQ.read_models({"models": []})


def test_embeddings_images_and_texts_are_read() -> None:
    openai = dialect_for("openai")
    assert openai.read_embeddings({"data": [{"embedding": [1.0]}]}, {})["provider"] == "openai"
    assert openai.read_images({"data": [{"url": "https://x.test"}]}, {})["data"] == [{"url": "https://x.test"}]
    assert openai.read_transcription("plain", {}) == {"text": "plain"}
    assert openai.read_transcription({"text": "plain", "duration": 1}, {})["duration"] == 1
    with pytest.raises(ResponseValidationError):
        openai.read_transcription({}, {})


def test_fireworks_hears_at_the_host_of_the_model() -> None:
    fields, file = {"model": "x"}, ("a.mp3", b"x", "audio/mpeg")
    base = "https://api.fireworks.ai/inference/v1"
    turbo = dialect_for("fireworks").transcription(fields, file, Target("fireworks", "whisper-v3-turbo", base))
    assert turbo.url == "https://audio-turbo.api.fireworks.ai/v1/audio/transcriptions"
    own = dialect_for("fireworks").transcription(fields, file, Target("fireworks", "whisper-v3", "http://me.test/v1"))
    assert own.url == "http://me.test/v1/audio/transcriptions"


@pytest.mark.parametrize("name", ["", "..", "."])
def test_azure_refuses_a_deployment_that_no_path_can_carry(name: str) -> None:
    with pytest.raises(ValidationError):
        dialect_for("azure").chat(BODY, Target("azure", name, "https://me.test", None, {"api_version": "1"}))


def test_azure_keeps_a_deployment_in_its_segment_and_uses_the_wanted_version() -> None:
    target = Target("azure", "a/../b?c", "https://me.test", None, {"api_version": "2025-01-01-preview"})
    call = dialect_for("azure").chat(BODY, target)
    assert call.url == (
        "https://me.test/openai/deployments/a%2F..%2Fb%3Fc/chat/completions?api-version=2025-01-01-preview"
    )
    assert "model" not in call.json


@pytest.mark.parametrize(
    ("model", "sent"), [("gemini-2.0-flash", "google/gemini-2.0-flash"), ("meta/llama", "meta/llama")]
)
def test_a_model_of_vertex_carries_its_publisher(model: str, sent: str) -> None:
    assert dialect_for("vertex_ai").chat(BODY, Target("vertex_ai", model, "https://v.test")).json["model"] == sent
