"""Without a gateway each call goes to the provider that its model names, in that provider's own format."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from smartflow.exceptions import ConfigError, ValidationError
from tests.direct.conftest import KEY
from tests.support.answers import chat, reply
from tests.support.faces import Connect
from tests.support.hostile import HostileServer, Request

CLAUDE: Dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Bonjour"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 4},
}
COHERE: Dict[str, Any] = {
    "id": "c1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Salut"}]},
    "usage": {"tokens": {"input_tokens": 3, "output_tokens": 2}},
}
COMPATIBLE = [
    "openai", "xai", "gemini", "openrouter", "mistral", "nvidia_nim", "huggingface", "groq", "fireworks", "novita",
    "together", "perplexity", "vercel_ai_gateway", "ollama", "local",
]  # fmt: skip


@pytest.mark.parametrize("provider", COMPATIBLE)
def test_a_prefix_leads_to_its_provider(provider: str, connect: Connect, server: HostileServer, at: Any) -> None:
    at(provider, path="/v1")
    server.answer(reply(chat("hi", model="the-model")))
    assert connect().chat("Hello", model=f"{provider}/the-model") == "hi"
    assert server.request.target == "/v1/chat/completions"
    assert server.request.headers["authorization"] == f"Bearer {KEY}"
    assert server.request.json() == {
        "model": "the-model",
        "messages": [{"role": "user", "content": "Hello"}],
        "temperature": 0.7,
    }


def test_azure_is_called_by_its_deployment(connect: Connect, server: HostileServer, at: Any) -> None:
    at("azure")
    server.answer(reply(chat("hi")))
    assert connect().chat("Hello", model="azure/my-deployment") == "hi"
    assert server.request.target.startswith("/openai/deployments/my-deployment/chat/completions?api-version=")
    assert server.request.headers["api-key"] == KEY
    assert "authorization" not in server.request.headers


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "anthropic/claude-sonnet-4-6", "claude/claude-sonnet-4-6"])
def test_claude_is_called_through_its_messages_api(
    model: str, connect: Connect, server: HostileServer, at: Any
) -> None:
    at("anthropic")
    server.answer(reply(CLAUDE))
    answer = connect().chat_completions(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}], model=model
    )
    assert (answer.content, answer.finish_reason, answer.provider) == ("Bonjour", "stop", "anthropic")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.cached_tokens) == (14, 5, 4)
    assert answer.created > 1_700_000_000
    assert server.request.target == "/v1/messages"
    assert server.request.headers["x-api-key"] == KEY
    assert server.request.headers["anthropic-version"] == "2023-06-01"
    sent = server.request.json()
    assert (sent["system"], sent["model"]) == ("Be brief.", "claude-sonnet-4-6")
    assert sent["messages"] == [{"role": "user", "content": "Hello"}]


def test_a_tool_call_of_claude_can_be_answered(connect: Connect, server: HostileServer, at: Any) -> None:
    at("anthropic")
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}
    server.answer(reply({**CLAUDE, "content": [use], "stop_reason": "tool_use"}), reply(CLAUDE))
    sf = connect()
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    turns: List[Any] = [{"role": "user", "content": "Weather?"}]
    first = sf.chat_completions(turns, model="claude-sonnet-4-6", tools=tools)
    assert (first.finish_reason, first.tool_calls[0]["function"]["arguments"]) == ("tool_calls", '{"city": "Rome"}')
    turns += [first.message, {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"}]
    assert sf.chat_completions(turns, model="claude-sonnet-4-6", tools=tools).content == "Bonjour"
    sent = server.requests[1].json()["messages"]
    assert sent[1]["content"] == [use]
    assert sent[2]["content"][0]["type"] == "tool_result"


def test_claude_message_is_native(connect: Connect, server: HostileServer, at: Any) -> None:
    at("anthropic")
    server.answer(reply(CLAUDE))
    sf = connect()
    assert sf.claude_message("Hello", system="Be brief.", max_tokens=9) == "Bonjour"
    assert server.request.json() == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hello"}],
        "system": "Be brief.",
    }
    assert sf.get_cache_stats().extra["total_tokens"] == 15


def test_a_key_given_to_claude_message_goes_before_the_configured_one(
    connect: Connect, server: HostileServer, at: Any
) -> None:
    at("anthropic")
    server.answer(reply(CLAUDE))
    connect().claude_message("Hello", anthropic_key="another-key")
    assert server.request.headers["x-api-key"] == "another-key"


def test_claude_message_takes_no_other_model(connect: Connect, at: Any) -> None:
    at("openai")
    with pytest.raises(ValidationError, match="no Claude model"):
        connect().claude_message("Hello", model="gpt-4o")


def test_cohere_has_a_format_of_its_own(connect: Connect, server: HostileServer, at: Any) -> None:
    at("cohere")
    server.answer(reply(COHERE))
    answer = connect().chat_completions([{"role": "user", "content": "Hello"}], model="cohere/command-r-plus")
    assert (answer.content, answer.usage.total_tokens, answer.provider) == ("Salut", 5, "cohere")
    assert server.request.target == "/v2/chat"


def test_embeddings_pass_what_a_provider_needs(connect: Connect, server: HostileServer, at: Any) -> None:
    at("cohere")
    server.answer(reply({"id": "e", "embeddings": {"float": [[0.1], [0.2]]}, "meta": {}}))
    result = connect().embeddings(["a", "b"], model="cohere/embed-english-v3.0", input_type="search_query")
    assert [item["embedding"] for item in result["data"]] == [[0.1], [0.2]]
    assert server.request.json()["input_type"] == "search_query"


def test_rerank_without_a_prefix_is_coheres(connect: Connect, server: HostileServer, at: Any) -> None:
    at("cohere")
    server.answer(reply({"results": [{"index": 1, "relevance_score": 0.9}]}))
    assert connect().rerank("q", ["a", "b"], top_n=1)["results"][0]["index"] == 1
    assert (server.request.target, server.request.json()["model"]) == ("/v2/rerank", "rerank-english-v3.0")


def test_images_come_from_replicate(connect: Connect, server: HostileServer, at: Any) -> None:
    at("replicate")
    server.answer(reply({"id": "p", "status": "succeeded", "output": ["https://x.test/1.webp"]}, 201))
    made = connect().image_generation("a lighthouse", model="replicate/black-forest-labs/flux-schnell")
    assert made["data"] == [{"url": "https://x.test/1.webp"}]
    assert made["created"] > 1_700_000_000


def test_speech_and_transcription_at_deepgram(
    connect: Connect, server: HostileServer, at: Any, recording: bytes
) -> None:
    at("deepgram")
    heard = {"results": {"channels": [{"alternatives": [{"transcript": "good day"}]}]}}
    server.answer(reply(b"ID3-audio", kind="audio/mpeg"), reply(heard))
    sf = connect()
    assert sf.text_to_speech("Hello", model="deepgram/aura-asteria-en") == b"ID3-audio"
    assert sf.audio_transcription(recording, model="deepgram/nova-2", filename="a.wav") == {"text": "good day"}
    spoken, listened = server.requests
    assert spoken.headers["authorization"] == f"Token {KEY}"
    assert spoken.target.startswith("/v1/speak?model=aura-asteria-en")
    assert listened.body == recording
    assert listened.target.startswith("/v1/listen?model=nova-2")


@pytest.mark.parametrize("wanted", ["json", "srt"])
def test_a_transcription_at_groq_is_a_form(
    wanted: str, connect: Connect, server: HostileServer, at: Any, recording: bytes
) -> None:
    at("groq", path="/openai/v1")
    server.answer(reply({"text": "hi"}) if wanted == "json" else reply(b"1\nhi", kind="application/x-subrip"))
    found = connect().audio_transcription(recording, model="groq/whisper-large-v3", response_format=wanted)
    assert found["text"] == ("hi" if wanted == "json" else "1\nhi")
    assert server.request.target == "/openai/v1/audio/transcriptions"
    assert b'name="model"\r\n\r\nwhisper-large-v3\r\n' in server.request.body
    assert recording in server.request.body


def test_the_models_of_all_configured_providers_are_listed(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai", path="/o/v1")
    at("anthropic", path="/a")
    at("ollama", path="/l/v1")
    server.answer(reply({"data": [{"id": "gpt-4o"}]}), path="/o/v1/models")
    server.answer(reply({"data": [{"id": "claude-x", "type": "model"}]}), path="/a/v1/models")
    server.answer(reply({"data": [{"id": "llama3"}]}), path="/l/v1/models")
    listed = connect().list_models()
    assert [(model["id"], model["owned_by"]) for model in listed] == [
        ("gpt-4o", "openai"),
        ("anthropic/claude-x", "anthropic"),
        ("ollama/llama3", "ollama"),
    ]


def test_a_provider_that_fails_is_named_and_does_not_hide_the_others(
    connect: Connect, server: HostileServer, at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    at("openai", path="/o/v1")
    at("groq", path="/g/v1")
    server.answer(reply({"data": [{"id": "gpt-4o"}]}), path="/o/v1/models")
    server.answer(reply({"error": {"message": "no"}}, 401), path="/g/v1/models")
    assert [model["id"] for model in connect().list_models()] == ["gpt-4o"]
    assert "models of groq are missing" in caplog.text
    assert KEY not in caplog.text


def test_without_any_provider_the_list_is_an_error_with_the_cure(connect: Connect) -> None:
    with pytest.raises(ConfigError, match="no provider is configured.*OPENAI_API_KEY.*smartflow configure"):
        connect().list_models()


def test_the_counts_are_those_of_this_client(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai", path="/v1")

    def answered(request: Request) -> Any:
        if request.path.endswith("embeddings"):
            usage = {"prompt_tokens": 7, "total_tokens": 7}
            return reply({"data": [{"index": 0, "embedding": [1.0]}], "usage": usage})
        return reply(chat("hi")) if b"good" in request.body else reply({"error": {"message": "bad"}}, 400)

    server.answer(answered)
    sf = connect()
    assert sf.get_cache_stats().misses == 0
    sf.chat("good")
    sf.embeddings("text")
    with pytest.raises(ValidationError):
        sf.with_options(user_id="alice").chat("worse")
    stats = sf.get_cache_stats()
    assert (stats.hits, stats.misses, stats.hit_rate) == (0, 2, 0.0)
    counts = {"requests": 3, "errors": 1, "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    assert stats.extra == {**counts, "provider_cached_tokens": 0, "source": "client"}
