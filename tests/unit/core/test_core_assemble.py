"""Putting a streamed answer together, from the shapes that providers really send."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow._core.assemble import Assembler, chunk_of
from smartflow._core.secrets import Secret
from smartflow._core.sse import Event
from smartflow.exceptions import (
    AuthenticationError,
    BudgetExceededError,
    ComplianceError,
    ProviderError,
    RateLimitError,
    ResponseValidationError,
    SmartflowError,
    TimeoutError,
    ValidationError,
)
from smartflow.types.chat import AIResponse
from tests.unit.core.driver import FakeReply


def chunk(delta: Any, index: Optional[int] = 0, reason: Optional[str] = None, **more: Any) -> Dict[str, Any]:
    choice = {"delta": delta, "finish_reason": reason, **({} if index is None else {"index": index})}
    return {"id": "c1", "model": "m", "object": "chat.completion.chunk", "choices": [choice], **more}


def whole(*chunks: Dict[str, Any]) -> Dict[str, Any]:
    parts = Assembler()
    for item in chunks:
        parts.add(item)
    return parts.result()


def calls(*pieces: Any) -> List[Dict[str, Any]]:
    result = whole(*(chunk({"tool_calls": list(piece) if isinstance(piece, tuple) else [piece]}) for piece in pieces))
    found: List[Dict[str, Any]] = result["choices"][0]["message"]["tool_calls"]
    return found


def piece(arguments: Optional[str] = None, name: Optional[str] = None, **more: Any) -> Dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"function": function, **more}


def test_text_and_its_end_are_put_together() -> None:
    result = whole(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, reason="stop"),
    )
    assert result["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    ]
    assert (result["id"], result["model"], result["object"]) == ("c1", "m", "chat.completion")


@given(st.lists(st.text(max_size=5), max_size=20))
def test_the_pieces_that_add_returns_are_the_text(texts: List[str]) -> None:
    parts = Assembler()
    assert "".join([parts.add(chunk({"content": text})) for text in texts]) == "".join(texts) == parts.text


def test_content_in_parts_is_text_too() -> None:
    parts = Assembler()
    assert parts.add(chunk({"content": [{"type": "text", "text": "a"}, {"type": "thinking"}]})) == "a"
    assert parts.add(chunk({"content": [{"type": "text", "text": "b"}]})) == "b"
    assert parts.text == "ab"


def test_choices_are_kept_apart() -> None:
    result = whole(
        chunk({"content": "a"}), chunk({"content": "x"}, 1), chunk({"content": "b"}), chunk({"content": "y"}, 1),
        chunk({}, 1, "length"), chunk({}, 0, "stop"),
    )  # fmt: skip
    assert [choice["message"]["content"] for choice in result["choices"]] == ["ab", "xy"]
    assert [choice["finish_reason"] for choice in result["choices"]] == ["stop", "length"]


def test_only_the_first_choice_is_the_text() -> None:
    parts = Assembler()
    assert (
        parts.add({"choices": [{"index": 1, "delta": {"content": "x"}}, {"index": 0, "delta": {"content": "a"}}]})
        == "a"
    )
    assert parts.text == "a"


def test_a_stream_is_finished_when_every_choice_is() -> None:
    parts = Assembler()
    for item in (chunk({"content": "a"}), chunk({"content": "x"}, 1), chunk({}, 0, "stop")):
        parts.add(item)
        assert not parts.finished
    parts.add(chunk({}, 1, "stop"))
    assert parts.finished


def test_a_stream_without_a_finish_reason_is_not_finished() -> None:
    parts = Assembler()
    parts.add(chunk({"content": "a"}))
    assert not parts.finished


@pytest.mark.parametrize("choices", [[], None])
def test_a_chunk_with_usage_only_is_taken(choices: Any) -> None:
    parts = Assembler()
    parts.add(chunk({"content": "a"}))
    parts.add({"choices": choices, "usage": {"total_tokens": 3}})
    assert parts.usage == {"total_tokens": 3}
    assert AIResponse.from_wire(parts.result()).usage.total_tokens == 3


def test_the_last_usage_wins() -> None:
    parts = Assembler()
    parts.add(chunk({"content": "a"}, usage={"total_tokens": 1}))
    parts.add(chunk({"content": "b"}, usage=None))
    parts.add(chunk({"content": "c"}, usage={"total_tokens": 3}))
    assert parts.usage == {"total_tokens": 3}
    assert parts.text == "abc"


def test_refusal_and_reasoning_are_joined_and_kept() -> None:
    result = whole(
        chunk({"role": "assistant", "refusal": "I "}), chunk({"refusal": "cannot", "reasoning_content": "hm"}),
        chunk({"reasoning_content": "m"}),
    )  # fmt: skip
    message = result["choices"][0]["message"]
    assert message == {"role": "assistant", "content": None, "refusal": "I cannot", "reasoning_content": "hmm"}
    assert AIResponse.from_wire(result).refusal == "I cannot"


def test_unknown_fields_of_a_delta_are_kept() -> None:
    message = whole(chunk({"audio": {"id": "a"}}), chunk({"annotations": [1], "other": None}))["choices"][0]["message"]
    assert message["audio"] == {"id": "a"}
    assert message["annotations"] == [1]
    assert "other" not in message


def test_facts_besides_the_choices_are_kept() -> None:
    assert whole(chunk({"content": "a"}, system_fingerprint="fp"))["system_fingerprint"] == "fp"


def test_the_pieces_of_a_call_are_joined() -> None:
    assert calls(
        piece("", "look", index=0, id="a", type="function"), piece('{"q"', index=0), piece(":1}", index=0)
    ) == [{"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"q":1}'}}]


def test_calls_side_by_side_are_told_apart_by_index() -> None:
    found = calls(
        (piece("1", "f", index=0, id="a"), piece("2", "g", index=1, id="b")), piece("1", index=0), piece("2", index=1)
    )
    assert [call["function"] for call in found] == [{"name": "f", "arguments": "11"}, {"name": "g", "arguments": "22"}]


def test_calls_without_an_index_continue_the_newest() -> None:
    found = calls(piece("1", "f", id="a"), piece("1"), piece("2", "g", id="b"), piece("2"))
    assert [call["function"]["arguments"] for call in found] == ["11", "22"]


def test_two_calls_with_the_same_index_are_two_calls() -> None:
    found = calls(piece("1", "f", index=0, id="a"), piece("2", "g", index=0, id="b"), piece("2", index=0))
    assert [(call["id"], call["function"]["arguments"]) for call in found] == [("a", "1"), ("b", "22")]


def test_a_head_that_is_repeated_in_every_piece_is_taken_once() -> None:
    found = calls(piece("1", "f", index=0, id="a"), piece("2", "f", index=0, id="a"))
    assert found == [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "12"}}]


def test_a_name_in_pieces_is_joined() -> None:
    assert (
        calls(piece("", "get_", index=0, id="a"), piece("", "weather", index=0))[0]["function"]["name"] == "get_weather"
    )


def test_a_call_that_begins_without_an_id_is_kept() -> None:
    assert calls(piece("1", "f", index=0), piece("2", index=0))[0]["function"]["arguments"] == "12"


def test_what_a_provider_adds_to_a_call_is_kept() -> None:
    found = calls(
        piece("1", "f", index=0, id="a", extra_content={"google": {"thought_signature": "s"}}), piece("2", index=0)
    )
    assert found[0]["extra_content"] == {"google": {"thought_signature": "s"}}


@pytest.mark.parametrize(
    "odd",
    [
        {}, {"choices": None}, {"choices": {}}, {"choices": [None]}, {"choices": ["x"]}, {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"tool_calls": "x"}}]}, {"choices": [{"delta": {"tool_calls": [None, 1]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": "x"}]}}]}, {"choices": [{"index": "a", "delta": {"content": 5}}]},
        {"choices": [{"index": -1, "delta": {"content": {}}}]}, {"choices": [{"index": 10**30, "delta": {}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": {"name": 1, "arguments": {"a": 1}}}]}}]},
    ],
)  # fmt: skip
def test_odd_chunks_neither_fail_nor_add_text(odd: Any) -> None:
    parts = Assembler()
    parts.add(chunk({"content": "a"}))
    parts.add(odd)
    assert parts.text == "a"
    json.dumps(parts.result())


def test_an_error_carries_what_had_arrived() -> None:
    parts = Assembler()
    parts.add(chunk({"content": "half"}, usage={"total_tokens": 2}))
    error = parts.with_partial(ProviderError("gone"))
    assert vars(error)["partial_text"] == "half"
    assert vars(error)["usage"] == {"total_tokens": 2}


def event(data: bytes, name: str = "") -> Dict[str, Any]:
    reply = FakeReply(headers={"x-smartflow-request-id": "req_1", "x-echo": "tok-canary"})
    reply.secrets = (Secret("tok-canary"),)
    return chunk_of(Event(name, data), "createChatCompletion", reply)


@pytest.mark.parametrize("data", [b'{"a": 1}', b' {"a": 1} ', b'{"a": 1}\n'])
def test_an_event_is_decoded(data: bytes) -> None:
    assert event(data) == {"a": 1}


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"a": 1} x', b"nonsense tok-canary", b'[1, "tok-canary"]', b"7", b"[" * 100_000]
)
def test_an_event_that_is_no_object_is_an_error(data: bytes) -> None:
    with pytest.raises(ResponseValidationError, match="the stream has an event that is not") as caught:
        event(data)
    assert "tok-canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "busy"}, ProviderError),
        ({"code": "insufficient_quota", "type": "rate_limit_error", "message": "m"}, BudgetExceededError),
        ({"type": "rate_limit_error", "message": "m"}, RateLimitError),
        ({"code": "content_filter", "message": "m"}, ComplianceError),
        ({"type": "authentication_error", "message": "m"}, AuthenticationError),
        ({"type": "invalid_request_error", "message": "m"}, ValidationError),
        ({"type": "timeout_error", "message": "m"}, TimeoutError),
        ({"type": "something new", "message": "m"}, ProviderError),
        ("plain words", ProviderError),
        ({"message": "retry", "retry_after": 10**400}, ProviderError),
    ],
)
def test_an_error_event_is_raised_as_what_it_reports(error: Any, kind: type) -> None:
    with pytest.raises(SmartflowError) as caught:
        event(json.dumps({"error": error}).encode())
    assert type(caught.value) is kind
    assert caught.value.request_id == "req_1"


def test_an_event_named_error_is_an_error_even_as_plain_text() -> None:
    with pytest.raises(ProviderError, match=r"upstream \*\*\* died"):
        event(b"upstream tok-canary died", "error")


def test_an_error_event_shows_no_secret() -> None:
    with pytest.raises(SmartflowError) as caught:
        event(b'{"error": {"message": "bad tok-canary", "tok-canary": ["tok-canary"]}}')
    assert "tok-canary" not in f"{caught.value!s}{caught.value!r}{vars(caught.value)}"
