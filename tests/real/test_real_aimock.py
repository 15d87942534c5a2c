"""Direct mode against aimock: six providers' formats, and a journal of what was really sent to them."""

from __future__ import annotations

import io
import json
from typing import Any, Callable, Dict, List

import pytest

from tests.real.peers import KEY, ask
from tests.support.faces import Connect, Face

# Gemini and Ollama are called by their OpenAI-compatible paths, as the SDK does: not by their own.
PATHS = {
    "openai": "/v1",
    "anthropic": "",
    "cohere": "",
    "gemini": "/v1beta/openai",
    "ollama": "",
    "openrouter": "/api/v1",
    "azure": "",
}
CALLED = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "cohere": "/v2/chat",
    "ollama": "/v1/chat/completions",
    "openrouter": "/api/v1/chat/completions",
}
TOOL: Dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASKED: List[Dict[str, Any]] = [{"role": "user", "content": "What is the weather in Paris?"}]
CALL = {"id": "call_weather", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
PICTURE = "data:image/png;base64,iVBORw0KGgo="
Journal = Callable[[], Dict[str, Any]]


@pytest.fixture
def journal(aimock: str) -> Journal:
    """The last request that the server got."""
    ask(f"{aimock}/__aimock/reset/journal", {})
    return lambda: dict(ask(f"{aimock}/__aimock/journal")[-1])


@pytest.fixture(params=PATHS)
def provider(request: pytest.FixtureRequest, aimock: str, at: Any) -> str:
    name = str(request.param)
    at(name, aimock + PATHS[name])
    return name


@pytest.fixture
def sf(connect: Connect, provider: str) -> Face:
    return connect()


def test_a_chat_goes_to_the_providers_own_path(sf: Face, provider: str, journal: Journal) -> None:
    assert sf.chat("Where is Paris?", model=f"{provider}/a-model") == "Paris is in France."
    sent = journal()
    assert sent["response"]["status"] == 200
    assert sent["path"].partition("?")[0] == CALLED.get(provider, sent["path"].partition("?")[0])
    key = {"anthropic": "x-api-key", "azure": "api-key"}.get(provider, "authorization")
    assert key in sent["headers"]
    assert not [name for name in sent["headers"] if name.startswith(("x-smartflow", "x-aperion"))]
    assert KEY not in json.dumps(sent["body"])


def test_the_key_is_never_in_the_address(sf: Face, provider: str, journal: Journal) -> None:
    sf.chat("Where is Paris?", model=f"{provider}/a-model")
    assert KEY not in journal()["path"]


def test_a_stream_gives_the_same_words(sf: Face, provider: str) -> None:
    assert "".join(sf.stream_chat("Where is Paris?", model=f"{provider}/a-model")) == "Paris is in France."


def test_a_tool_call_comes_back_whole(sf: Face, provider: str) -> None:
    answer = sf.chat_completions(ASKED, model=f"{provider}/a-model", tools=[TOOL], tool_choice="auto")
    (choice,) = answer.choices
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("call_weather", "get_weather")
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}


def test_the_pieces_of_a_streamed_tool_call_fit_together(sf: Face, provider: str) -> None:
    chunks = list(sf.chat_completions(ASKED, model=f"{provider}/a-model", tools=[TOOL], stream=True))
    deltas = [each for chunk in chunks for choice in chunk.choices for each in choice["delta"].get("tool_calls") or ()]
    assert {each["index"] for each in deltas} == {0}
    assert [each["id"] for each in deltas if each.get("id")] == ["call_weather"]
    assert json.loads("".join(each["function"].get("arguments") or "" for each in deltas)) == {"city": "Paris"}
    assert [c["finish_reason"] for chunk in chunks for c in chunk.choices if c["finish_reason"]] == ["tool_calls"]


def test_the_result_of_a_tool_is_understood(sf: Face, provider: str, journal: Journal) -> None:
    turns = [
        *ASKED,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_weather", "content": "sunny"},
    ]
    answer = sf.chat_completions(turns, model=f"{provider}/a-model", tools=[TOOL])
    assert answer.content == "It is sunny in Paris."
    assert "sunny" in json.dumps(journal()["body"])


def test_a_picture_arrives(sf: Face, provider: str, journal: Journal) -> None:
    parts = [{"type": "text", "text": "What is in this picture?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    answer = sf.chat_completions([{"role": "user", "content": parts}], model=f"{provider}/a-model")
    assert answer.content == "A red square."
    # What the journal shows of Anthropic's and Cohere's requests is aimock's own reading, which leaves pictures out.
    if provider not in ("anthropic", "cohere"):
        assert journal()["body"]["messages"][0]["content"] == parts


@pytest.mark.parametrize("name", [name for name in PATHS if name != "anthropic"])
def test_each_text_gets_its_vector(connect: Connect, aimock: str, at: Any, name: str) -> None:
    at(name, aimock + PATHS[name])
    found = connect().embeddings(["one", "two"], model=f"{name}/a-model")
    first, second = (each["embedding"] for each in found["data"])
    assert len(first) == len(second) > 1 and first != second
    assert [each["index"] for each in found["data"]] == [0, 1]


def test_documents_are_ranked(connect: Connect, aimock: str, at: Any, journal: Journal) -> None:
    at("cohere", aimock)
    found = connect().rerank("What is the capital of France?", ["Berlin", "Paris"], model="rerank-v3.5", top_n=2)
    assert [(each["index"], each["relevance_score"]) for each in found["results"]] == [(1, 0.98), (0, 0.11)]
    assert journal()["path"] == "/v2/rerank"


def test_pictures_and_sounds_of_openai(connect: Connect, aimock: str, at: Any) -> None:
    at("openai", aimock + "/v1")
    sf = connect()
    assert sf.image_generation("a red square", model="gpt-image-1")["data"] == [{"b64_json": "aGVsbG8="}]
    assert sf.text_to_speech("hi", model="tts-1") == b"ID3"
    heard = sf.audio_transcription(io.BytesIO(b"RIFF....WAVE"), model="whisper-1", filename="a.wav")
    assert heard["text"] == "Bonjour"


def test_a_claude_message_is_sent_as_it_is(connect: Connect, aimock: str, at: Any, journal: Journal) -> None:
    at("anthropic", aimock)
    answer = connect().claude_message("Where is Paris?", model="claude-sonnet-4-6", max_tokens=50)
    assert answer == "Paris is in France."
    sent = journal()
    assert sent["path"] == "/v1/messages"
    assert sent["headers"]["anthropic-version"] == "2023-06-01"
