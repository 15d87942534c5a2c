"""The proxy checks streams while they pass: what is sent, what is held back, and how a refused one ends."""

from __future__ import annotations

import json

import pytest

from tests.support.checked import (
    BLOCK,
    CARD,
    LOG,
    REDACT,
    SSN,
    TEXT,
    chunk,
    completion,
    events,
    in_pieces,
    streamed_text,
)


@pytest.fixture
def gateway(start_checked):
    return start_checked()


@pytest.mark.parametrize("size", [1, 3, 7, 400])
def test_a_find_that_is_split_over_chunks_is_never_sent(gateway, provider, size):
    text = "word " * 60 + f"and the card is {CARD}, keep it." + " more" * 60
    provider.stream(*in_pieces(text, size), chunk("stop"), b"data: [DONE]\n\n")
    answer = gateway.chat(TEXT, stream=True, headers=REDACT)
    assert streamed_text(answer) == text.replace(CARD, "[CREDIT_CARD]")
    assert events(answer)[-1] == "[DONE]"
    finishes = [json.loads(e)["choices"][0]["finish_reason"] for e in events(answer)[:-1]]
    assert finishes[-1] == "stop" and not any(finishes[:-1])


@pytest.mark.parametrize("size", [1, 5, 400])
def test_a_stream_is_blocked_in_the_middle_by_an_error_event(gateway, provider, size):
    text = "fine words " * 40 + f"SSN {SSN}." + " never sent" * 40
    provider.stream(*in_pieces(text, size), chunk("stop"), b"data: [DONE]\n\n")
    answer = gateway.chat(TEXT, stream=True, headers=BLOCK)
    last = json.loads(events(answer)[-1])
    assert (last["error"]["code"], last["error"]["violations"]) == ("compliance_blocked", ["ssn"])
    assert SSN not in answer.text and "never sent" not in answer.text
    assert "[DONE]" not in events(answer)
    (row,) = gateway.logs()
    assert (row["status_code"], row["compliance"]["enforcement"]["answer"]) == (403, "blocked")
    assert row["compliance"]["violations"] == ["ssn"] and SSN not in json.dumps(row)


def test_a_harmless_stream_arrives_whole_and_is_cached(gateway, provider):
    text = "Twelve harmless words, told slowly. " * 30
    provider.stream(*in_pieces(text, 9), chunk("stop"), b"data: [DONE]\n\n")
    assert streamed_text(gateway.chat(TEXT, stream=True, headers=BLOCK)) == text
    assert gateway.chat(TEXT, headers=BLOCK).json()["cached"] is True


def test_a_redacted_stream_is_not_cached(gateway, provider):
    provider.stream(*in_pieces(f"Card {CARD}.", 4), chunk("stop"), b"data: [DONE]\n\n")
    gateway.chat(TEXT, stream=True, headers=REDACT)
    provider.answer(200, completion("asked again"))
    assert gateway.chat(TEXT).json()["cached"] is False


def test_a_long_key_in_many_chunks_is_redacted_as_one(gateway, provider):
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQ\n" * 60 + "-----END PRIVATE KEY-----"
    text = f"Here it is:\n{key}\nDone. " + "bye " * 80
    provider.stream(*in_pieces(text, 11), chunk("stop"), b"data: [DONE]\n\n")
    answer = gateway.chat(TEXT, stream=True, headers=REDACT)
    assert streamed_text(answer) == text.replace(key, "[API_KEY]")


def test_the_word_that_tells_a_number_apart_may_have_been_sent_long_before(gateway, provider):
    text = "long talk " * 50 + "SSN: " + " " * 150 + "x. The SSN is 536228145 " + "and so on " * 40
    provider.stream(*in_pieces(text, 6), chunk("stop"), b"data: [DONE]\n\n")
    assert "536228145" not in streamed_text(gateway.chat(TEXT, stream=True, headers=REDACT))


def test_streamed_arguments_of_a_tool_arrive_at_once_and_redacted(gateway, provider):
    def part(**function):
        return chunk(tool_calls=[{"index": 0, **function}])

    provider.stream(
        part(id="call_1", type="function", function={"name": "f", "arguments": ""}),
        part(function={"arguments": '{"ssn": 5362'}),
        part(function={"arguments": '28145, "n": 1}'}),
        chunk("tool_calls"),
        b"data: [DONE]\n\n",
    )
    answer = gateway.chat(TEXT, stream=True, headers=REDACT)
    parts = [json.loads(e)["choices"][0]["delta"].get("tool_calls") for e in events(answer)[:-1]]
    said = "".join(p[0]["function"].get("arguments") or "" for p in parts if p)
    assert json.loads(said) == {"ssn": "[SSN]", "n": 1}
    assert next(p for p in parts if p)[0]["id"] == "call_1"


def test_choices_of_a_stream_are_held_apart(gateway, provider):
    provider.stream(
        chunk(content=f"SSN {SSN[:6]}"), chunk(content="second ", index=1), chunk(content=f"{SSN[6:]}."),
        chunk(content="choice", index=1), chunk("stop"), chunk("stop", index=1), b"data: [DONE]\n\n",
    )  # fmt: skip
    answer = gateway.chat(TEXT, stream=True, headers=REDACT)
    told = {0: "", 1: ""}
    for event in events(answer)[:-1]:
        (choice,) = json.loads(event)["choices"]
        told[choice["index"]] += choice["delta"].get("content") or ""
    assert told == {0: "SSN [SSN].", 1: "second choice"}


@pytest.mark.parametrize("mode", ["redact", "block"])
def test_a_message_stream_is_checked_too(gateway, provider, mode):
    text = "fine words " * 30 + f"SSN {SSN}." + " more" * 60
    provider.stream(*in_pieces(text, 8), chunk("stop"), b"data: [DONE]\n\n")
    body = {"model": "openai/gpt-4o", "max_tokens": 99, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    answer = gateway.proxy.post("/anthropic/v1/messages", json=body, headers={"x-smartflow-compliance": mode})
    told = [json.loads(event) for event in events(answer)]
    assert SSN not in answer.text
    if mode == "block":
        assert (told[-1]["type"], told[-1]["error"]["code"]) == ("error", "compliance_blocked")
    else:
        assert "".join(e["delta"].get("text", "") for e in told if e["type"] == "content_block_delta") == text.replace(
            SSN, "[SSN]"
        )
        assert told[-1]["type"] == "message_stop"


def test_a_logged_stream_passes_at_once_and_is_noted_at_its_end(gateway, provider):
    provider.stream(*in_pieces(f"SSN {SSN}.", 4), chunk("stop"), b"data: [DONE]\n\n")
    assert SSN in streamed_text(gateway.chat(TEXT, stream=True, headers=LOG))
    (row,) = gateway.logs()
    assert (row["compliance_status"], row["compliance"]["violations"]) == ("violated", ["ssn"])


def test_what_was_held_back_is_told_when_a_stream_ends_without_a_finish_reason(gateway, provider):
    provider.stream(*in_pieces("short and harmless", 4), b"data: [DONE]\n\n")
    assert streamed_text(gateway.chat(TEXT, stream=True, headers=BLOCK)) == "short and harmless"


def test_what_was_held_back_is_not_told_when_the_provider_breaks_off(gateway, provider):
    provider.stream(*in_pieces(f"SSN {SSN}", 3))
    answer = gateway.chat(TEXT, stream=True, headers=REDACT)
    assert json.loads(events(answer)[-1])["error"]["code"] == "provider_stream_cut"
    assert SSN not in answer.text
