"""Group A of the defects: nothing that a stream carries is thrown away (A7, A8)."""

from __future__ import annotations

from typing import Any

import pytest

import smartflow
from tests.support.answers import DONE, chunk, event, finish, sse, text_chunk
from tests.support.faces import Face
from tests.support.hostile import CLOSE, HostileServer

MESSAGES = [{"role": "user", "content": "hi"}]
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def whole(sf: Face) -> Any:
    return sf.chat_completions(MESSAGES, stream=True).get_final_response()


def call(identity: Any = None, name: Any = None, arguments: Any = None, **more: Any) -> Any:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece = {"function": function, **more}
    return {**piece, "id": identity} if identity is not None else piece


def tool_event(*calls: Any) -> bytes:
    return event(chunk({"tool_calls": list(calls)}))


def functions(response: Any) -> Any:
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in response.tool_calls]


def test_pieces_of_tool_calls_are_put_together_by_index(sf: Face, server: HostileServer) -> None:
    server.answer(
        sse(
            tool_event(call("a", "first", "", index=0)),
            tool_event(call(arguments='{"x":', index=0), call("b", "second", "{}", index=1)),
            tool_event(call(arguments="1}", index=0)),
            finish("tool_calls"),
            DONE,
        )
    )
    response = whole(sf)
    assert functions(response) == [("a", "first", '{"x":1}'), ("b", "second", "{}")]
    assert response.finish_reason == "tool_calls"
    assert response.content == ""


def test_tool_calls_without_an_index_are_told_apart_by_id(sf: Face, server: HostileServer) -> None:
    server.answer(
        sse(
            tool_event(call("a", "first", "{")),
            tool_event(call(arguments="}")),
            tool_event(call("b", "second", "{}")),
            finish("tool_calls"),
        )
    )
    assert functions(whole(sf)) == [("a", "first", "{}"), ("b", "second", "{}")]


def test_different_tool_calls_with_the_same_index_stay_apart(sf: Face, server: HostileServer) -> None:
    server.answer(
        sse(
            tool_event(call("a", "first", "{}", index=0)),
            tool_event(call("b", "second", "{", index=0)),
            tool_event(call(arguments="}", index=0)),
            finish("tool_calls"),
        )
    )
    assert functions(whole(sf)) == [("a", "first", "{}"), ("b", "second", "{}")]


@pytest.mark.parametrize("odd", [None, "text", [None], [5], [{"function": None}], {}])
def test_misshapen_tool_calls_are_no_failure(sf: Face, server: HostileServer, odd: Any) -> None:
    """A6."""
    server.answer(sse(text_chunk("Hel"), event(chunk({"tool_calls": odd})), text_chunk("lo"), finish(), DONE))
    assert whole(sf).content == "Hello"


def test_usage_of_a_stream_is_asked_for_and_kept(sf: Face, server: HostileServer) -> None:
    server.answer(sse(text_chunk("Hi"), finish(), event({**chunk(), "choices": [], "usage": USAGE}), DONE))
    response = whole(sf)
    assert response.usage.total_tokens == 5
    assert server.request.json()["stream_options"] == {"include_usage": True}


def test_usage_of_a_cut_stream_is_in_the_error(sf: Face, server: HostileServer) -> None:
    server.answer(sse(event(chunk({"content": "Hi"}, usage=USAGE)), CLOSE))
    with pytest.raises(smartflow.StreamInterruptedError) as caught:
        whole(sf)
    assert caught.value.usage["total_tokens"] == 5


def test_all_choices_are_kept(sf: Face, server: HostileServer) -> None:
    server.answer(
        sse(
            event(chunk({"content": "one"}, index=0)),
            event(chunk({"content": "two"}, index=1)),
            event(chunk({}, "stop", index=0)),
            event(chunk({}, "length", index=1)),
            DONE,
        )
    )
    choices = whole(sf).choices
    assert [choice["message"]["content"] for choice in choices] == ["one", "two"]
    assert [choice["finish_reason"] for choice in choices] == ["stop", "length"]


@pytest.mark.parametrize("field", ["reasoning_content", "refusal"])
def test_other_text_of_a_delta_is_joined(sf: Face, server: HostileServer, field: str) -> None:
    server.answer(sse(event(chunk({field: "be"})), event(chunk({field: "cause"})), finish(), DONE))
    assert whole(sf).message[field] == "because"


def test_a_stream_gives_typed_chunks_with_model_id_and_reason(sf: Face, server: HostileServer) -> None:
    """A8: `chat_completions(stream=True)` is an iterator."""
    server.answer(sse(text_chunk("Hi"), finish("length"), DONE, headers={"x-smartflow-request-id": "req-1"}))
    first, last = list(sf.chat_completions(MESSAGES, stream=True))
    assert isinstance(first, smartflow.AIChunk)
    assert (first.content, first.model, first.id, first.request_id) == ("Hi", "m", "c1", "req-1")
    assert last.finish_reason == "length"


def test_an_absurd_choice_index_costs_nothing(sf: Face, server: HostileServer) -> None:
    server.answer(sse(event(chunk({"content": "Hi"}, index=10**9)), finish(), DONE))
    assert len(whole(sf).choices) == 1
