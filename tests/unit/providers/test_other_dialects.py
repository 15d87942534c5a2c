"""Cohere, Deepgram and Replicate: requests, answers and streams."""

from __future__ import annotations

from typing import Any

import pytest

from smartflow.exceptions import ProviderError, ResponseValidationError, ValidationError
from smartflow.providers.dialect import Target, dialect_for
from tests.unit.providers.events import chunks, whole, wire

COHERE, DEEPGRAM, REPLICATE = (dialect_for(name) for name in ("cohere", "deepgram", "replicate"))
AT_COHERE = Target("cohere", "command-r", "https://cohere.test")
AT_DEEPGRAM = Target("deepgram", "nova-2", "https://deepgram.test")
AT_REPLICATE = Target("replicate", "owner/name", "https://replicate.test")
BODY: dict[str, Any] = {"model": "command-r", "messages": [{"role": "user", "content": "Hi"}]}
AUDIO = ("a.wav", b"RIFF", "audio/wav")


def test_cohere_gets_a_chat_request_in_its_words() -> None:
    body = {
        **BODY,
        "messages": [{"role": "developer", "content": "Be brief.", "name": "x"}, *BODY["messages"]],
        "top_p": 0.5, "max_completion_tokens": 9, "stop": "END", "tool_choice": "required", "n": 1, "stream": True,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    }  # fmt: skip
    assert COHERE.chat(body, AT_COHERE).json == {
        "model": "command-r",
        "messages": [{"role": "system", "content": "Be brief."}, *BODY["messages"]],
        "p": 0.5,
        "max_tokens": 9,
        "stop_sequences": ["END"],
        "tool_choice": "REQUIRED",
        "stream": True,
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
    }


@pytest.mark.parametrize(
    "member", [{"n": 2}, {"logit_bias": {"1": 1}}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}]
)
def test_what_cohere_cannot_take_is_refused_by_name(member: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Cohere") as caught:
        COHERE.chat({**BODY, **member}, AT_COHERE)
    assert caught.value.param == next(iter(member))


def test_an_answer_of_cohere_is_a_chat_completion() -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = {
        "id": "c1",
        "finish_reason": "TOOL_CALL",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}], "tool_calls": [call]},
        "usage": {"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 5, "output_tokens": 2}},
    }
    found = COHERE.read_chat(answer, BODY, created=7)
    assert found["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "tool_calls": [call]},
            "finish_reason": "tool_calls",
        }
    ]
    assert found["usage"] == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    assert (found["id"], found["created"], found["model"], found["provider"]) == ("c1", 7, "command-r", "cohere")


def test_a_stream_of_cohere_is_put_together() -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}
    more = {"function": {"arguments": '{"a": 1}'}}
    content = wire(
        {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Good "}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "day"}}}},
        {"type": "content-end", "index": 0},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}},
        {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": more}}},
        {"type": "tool-call-end", "index": 0},
        {
            "type": "message-end",
            "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 3, "output_tokens": 4}}},
        },
    )
    reader = COHERE.stream({**BODY, "stream_options": {"include_usage": True}})
    found = whole(chunks(reader, content))
    assert reader.finished
    message = found["choices"][0]["message"]
    assert message["content"] == "Good day"
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}
    assert (found["choices"][0]["finish_reason"], found["usage"]["total_tokens"]) == ("stop", 7)


def test_a_stream_of_cohere_that_breaks_off_is_an_error() -> None:
    reader = COHERE.stream(BODY)
    (found,) = chunks(
        reader, wire({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "out of memory"}})
    )
    assert found["error"]["message"] == "out of memory"
    assert found["error"]["provider"] == "cohere"


def test_embeddings_of_cohere_come_back_in_order() -> None:
    call = COHERE.embeddings({"model": "m", "input": "a", "input_type": "search_query", "dimensions": 2}, AT_COHERE)
    assert call.json == {
        "model": "command-r",
        "texts": ["a"],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "output_dimension": 2,
    }
    answer = {"embeddings": {"float": [[1.0], [2.0]]}, "meta": {"billed_units": {"input_tokens": 4}}}
    found = COHERE.read_embeddings(answer, {"model": "m"})
    assert [(each["index"], each["embedding"]) for each in found["data"]] == [(0, [1.0]), (1, [2.0])]
    assert found["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


@pytest.mark.parametrize("wrong", [None, 3, [1, 2]])
def test_cohere_embeds_texts_only(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="input must be"):
        COHERE.embeddings({"input": wrong}, AT_COHERE)


def test_rerank_and_models_of_cohere_are_read() -> None:
    answer = {"id": "r", "results": [{"index": 1, "relevance_score": 0.9}]}
    assert COHERE.read_rerank(answer, {}) == answer
    assert COHERE.read_models({"models": [{"name": "command-r"}]})["data"][0]["id"] == "command-r"
    for broken in ({}, {"results": None}):
        with pytest.raises(ResponseValidationError, match="Cohere"):
            COHERE.read_rerank(broken, {})


def test_deepgram_hears() -> None:
    call = DEEPGRAM.transcription(
        {"model": "x", "temperature": "0.0", "diarize": True, "language": "de"}, AUDIO, AT_DEEPGRAM
    )
    assert call.url == "https://deepgram.test/v1/listen?model=nova-2&smart_format=true&diarize=true&language=de"
    assert (call.content, call.headers["content-type"]) == (b"RIFF", "audio/wav")
    best = {"transcript": "Good day", "words": [{"word": "good"}]}
    answer = {"metadata": {"duration": 1.5}, "results": {"channels": [{"alternatives": [best]}]}}
    assert DEEPGRAM.read_transcription(answer, {}) == {"text": "Good day"}
    told = DEEPGRAM.read_transcription(answer, {"response_format": "verbose_json", "language": "de"})
    assert told == {"text": "Good day", "duration": 1.5, "language": "de", "words": best["words"]}


@pytest.mark.parametrize("wrong", [None, {}, {"results": {"channels": [{"alternatives": []}]}}])
def test_an_answer_of_deepgram_without_a_transcript_is_refused(wrong: Any) -> None:
    with pytest.raises(ResponseValidationError, match="Deepgram"):
        DEEPGRAM.read_transcription(wrong, {})


@pytest.mark.parametrize("fields", [{"response_format": "srt"}, {"prompt": "names"}])
def test_what_deepgram_cannot_take_is_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Deepgram") as caught:
        DEEPGRAM.transcription(fields, AUDIO, AT_DEEPGRAM)
    assert caught.value.param == next(iter(fields))


@pytest.mark.parametrize(
    ("wanted", "query"),
    [("mp3", "encoding=mp3"), ("wav", "encoding=linear16&container=wav"), ("pcm", "encoding=linear16&container=none")],
)
def test_deepgram_speaks(wanted: str, query: str) -> None:
    call = DEEPGRAM.speech({"input": "Hi", "voice": "alloy", "response_format": wanted, "speed": 1.0}, AT_DEEPGRAM)
    assert call.url == f"https://deepgram.test/v1/speak?model=nova-2&{query}"
    assert call.json == {"text": "Hi"}


@pytest.mark.parametrize("fields", [{"response_format": "midi"}, {"speed": 2.0}])
def test_deepgram_refuses_another_speed_or_format(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Deepgram"):
        DEEPGRAM.speech({"input": "Hi", **fields}, AT_DEEPGRAM)


def test_replicate_paints() -> None:
    body = {
        "model": "x",
        "prompt": "a boat",
        "n": 2,
        "size": "1024x1024",
        "response_format": "url",
        "aspect_ratio": "1:1",
    }
    call = REPLICATE.images(body, AT_REPLICATE)
    assert call.url == "https://replicate.test/v1/models/owner/name/predictions"
    assert call.json == {"input": {"prompt": "a boat", "aspect_ratio": "1:1", "num_outputs": 2}}
    versioned = REPLICATE.images(body, AT_REPLICATE.__class__("replicate", "owner/name:abc", "https://replicate.test"))
    assert (versioned.url, versioned.json["version"]) == ("https://replicate.test/v1/predictions", "abc")


@pytest.mark.parametrize("output", ["https://x.test/1.png", ["https://x.test/1.png"]])
def test_an_answer_of_replicate_lists_addresses(output: Any) -> None:
    found = REPLICATE.read_images({"status": "succeeded", "output": output}, {})
    assert found["data"] == [{"url": "https://x.test/1.png"}]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ({"status": "failed", "error": "NSFW"}, "prediction_failed", "NSFW"),
        ({"status": "canceled", "error": None}, "prediction_failed", "canceled"),
        ({"status": "processing", "id": "p1"}, "prediction_not_ready", "p1 is processing"),
    ],
)
def test_a_prediction_without_result_is_an_error(answer: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        REPLICATE.read_images(answer, {})
    assert (caught.value.code, caught.value.provider) == (code, "replicate")


@pytest.mark.parametrize("output", [None, [], {"a": 1}, [1]])
def test_an_answer_of_replicate_without_addresses_is_refused(output: Any) -> None:
    with pytest.raises(ResponseValidationError, match="Replicate"):
        REPLICATE.read_images({"status": "succeeded", "output": output}, {})


@pytest.mark.parametrize("member", [{"size": "512x512"}, {"response_format": "b64_json"}, {"quality": "hd"}])
def test_what_replicate_cannot_take_is_refused_by_name(member: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        REPLICATE.images({"prompt": "x", **member}, AT_REPLICATE)
    assert caught.value.param == next(iter(member))


def test_a_model_of_replicate_has_an_owner() -> None:
    with pytest.raises(ValidationError, match="OWNER/NAME"):
        REPLICATE.images({"prompt": "x"}, Target("replicate", "sdxl", "https://replicate.test"))


@pytest.mark.parametrize("provider", ["anthropic", "cohere", "groq"])
@pytest.mark.parametrize("nonsense", [None, 3, "x", []])
def test_nonsense_in_an_event_breaks_no_reader(provider: str, nonsense: Any) -> None:
    kinds = (
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "x",
        "message-start", "content-delta", "tool-plan-delta", "tool-call-start",
    )  # fmt: skip
    members = ("message", "delta", "content_block", "usage")
    reader = dialect_for(provider).stream(BODY)
    for kind in kinds:
        for chunk in chunks(reader, wire({"type": kind, **dict.fromkeys(members, nonsense)})):
            assert "error" not in chunk
    assert not reader.finished
