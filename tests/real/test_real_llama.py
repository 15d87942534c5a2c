"""Direct mode against llama.cpp, a real model behind OpenAI's and Anthropic's formats."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List

import pytest

from smartflow.exceptions import AuthenticationError, ProviderError
from tests.real.peers import MODEL
from tests.support.faces import Connect, Face

pytestmark = pytest.mark.timeout(300)
# Both formats reach the same model, and so do the two ways to a server of one's own.
PATHS = {"openai": "/v1", "anthropic": "", "local": "", "ollama": "/v1"}
FEW: Dict[str, Any] = {"temperature": 0, "max_tokens": 8}
COUNT = [{"role": "user", "content": "Count from one to fifty."}]


@pytest.fixture(params=PATHS)
def provider(request: pytest.FixtureRequest, llama: str, at: Any) -> str:
    name = str(request.param)
    at(name, llama + PATHS[name])
    return name


@pytest.fixture
def sf(connect: Connect, provider: str) -> Face:
    return connect()


def test_a_chat_is_answered(sf: Face, provider: str) -> None:
    answer = sf.chat_completions(COUNT, model=f"{provider}/{MODEL}", **FEW)
    assert answer.content
    assert answer.provider == provider
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens == 8
    assert answer.choices[0]["finish_reason"] == "length"


def test_the_system_prompt_reaches_the_model(sf: Face, provider: str) -> None:
    model = f"{provider}/{MODEL}"
    turns: List[Dict[str, Any]] = [{"role": "user", "content": "hi"}]
    system = {
        "role": "system",
        "content": "You are an assistant who knows a very great deal about the sea and its ships.",
    }
    short = sf.chat_completions([{"role": "system", "content": "Be kind."}, *turns], model=model, **FEW)
    long = sf.chat_completions([system, *turns], model=model, **FEW)
    assert long.usage.prompt_tokens > short.usage.prompt_tokens + 8


def test_the_pieces_of_a_stream_are_the_answer(sf: Face, provider: str) -> None:
    model = f"{provider}/{MODEL}"
    whole = sf.chat_completions(COUNT, model=model, **FEW).content
    chunks = list(sf.chat_completions(COUNT, model=model, stream=True, **FEW))
    assert "".join(chunk.content for chunk in chunks) == whole
    assert len([chunk for chunk in chunks if chunk.content]) > 1
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk.choices if choice["finish_reason"]]
    assert reasons == ["length"]
    usage = [chunk.usage for chunk in chunks if chunk.usage]
    assert [each.completion_tokens for each in usage] == [8]


def test_one_client_lives_through_many_streams(sf: Face, provider: str) -> None:
    """This server closes its connection after each stream, and does not say so."""
    model = f"{provider}/{MODEL}"
    for _ in range(20):
        assert list(sf.stream_chat("hi", model=model, temperature=0, max_tokens=1))
        assert sf.chat("hi", model=model, temperature=0, max_tokens=1)
    assert sf.get_cache_stats().misses == 40


def test_a_model_that_has_said_all_stops(sf: Face, provider: str) -> None:
    answer = sf.chat_completions(
        [{"role": "user", "content": "Say hello."}], model=f"{provider}/{MODEL}", temperature=0, max_tokens=200
    )
    assert answer.choices[0]["finish_reason"] == "stop"


def test_a_stop_sequence_ends_the_answer(sf: Face, provider: str) -> None:
    model = f"{provider}/{MODEL}"
    whole = sf.chat_completions(COUNT, model=model, temperature=0, max_tokens=24).content
    word = whole.split()[2]
    stopped = sf.chat_completions(COUNT, model=model, temperature=0, max_tokens=24, stop=[word])
    assert stopped.content == whole[: whole.index(word)]
    assert stopped.choices[0]["finish_reason"] == "stop"


def test_the_models_carry_the_prefix_by_which_they_are_called(sf: Face, provider: str) -> None:
    prefix = "" if provider == "openai" else f"{provider}/"
    listed = [model["id"] for model in sf.list_models()]
    assert listed == [prefix + MODEL]
    assert sf.chat("hi", model=listed[0] if prefix else f"openai/{MODEL}", **FEW)


def test_a_wrong_key_is_refused(connect: Connect, provider: str, llama: str, at: Any) -> None:
    at(provider, llama + PATHS[provider], "wrong")
    with pytest.raises(AuthenticationError, match="check the key of") as caught:
        connect().chat("hi", model=f"{provider}/{MODEL}", **FEW)
    assert (caught.value.status_code, caught.value.provider, caught.value.attempts) == (401, provider, 1)


def test_a_schema_binds_the_answer(connect: Connect, llama: str, at: Any) -> None:
    at("openai", llama + "/v1")
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}, "people": {"type": "integer", "maximum": 9}},
        "required": ["city", "people"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": schema}}
    answer = connect().chat_completions(
        [{"role": "user", "content": "Name a city."}],
        model=f"openai/{MODEL}",
        response_format=wanted,
        **FEW | {"max_tokens": 64},
    )
    found = json.loads(answer.content)
    assert set(found) == {"city", "people"} and found["city"] in ("Paris", "Rome") and isinstance(found["people"], int)


def test_a_claude_message_is_answered(connect: Connect, llama: str, at: Any) -> None:
    at("anthropic", llama + "/v1")
    assert connect().claude_message("Count from one to fifty.", model=f"anthropic/{MODEL}", max_tokens=8).strip()


def test_texts_become_vectors_of_length_one(connect: Connect, embedder: str, at: Any) -> None:
    at("openai", embedder + "/v1")
    found = connect().embeddings(["The cat sat.", "the cat sat", "Tax law"], model=f"openai/{MODEL}")
    cat, same, law = (each["embedding"] for each in found["data"])
    assert len(cat) == len(law) == 576
    assert math.isclose(sum(value * value for value in cat), 1.0, rel_tol=1e-3)
    near, far = (sum(a * b for a, b in zip(cat, other)) for other in (same, law))
    assert near > far


def test_what_the_server_cannot_do_is_said_in_its_words(connect: Connect, llama: str, at: Any) -> None:
    at("openai", llama + "/v1")
    with pytest.raises(ProviderError, match="does not support embeddings") as caught:
        connect().embeddings("hi", model=f"openai/{MODEL}")
    assert (caught.value.status_code, caught.value.attempts) == (501, 1)
