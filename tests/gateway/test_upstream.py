"""Forwarding to OpenAI-compatible providers: the request arrives, the answer comes back, and failures are told apart."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from smartflow.gateway.routing.engine import RoutingEngine
from smartflow.gateway.routing.repo import RoutingRepo

OK = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "from afar", "refusal": None}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}  # fmt: skip
KEY = "sk-provider-secret-0123456789"


@pytest.fixture
def forwarding(start_gateway, provider):
    return start_gateway(environment={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": provider.url})


def chunk(content=None, finish=None, **more):
    delta = {"content": content} if content is not None else {}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}  # fmt: skip
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def data_lines(answer):
    return [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]


def test_a_call_is_forwarded_with_the_gateways_key_and_all_its_fields(forwarding, provider):
    provider.answer(200, OK)
    answer = forwarding.chat(
        "hi", model="openai/gpt-4o", headers={"authorization": "Bearer sk-sf-caller"}, custom_field={"a": [1]}
    )
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "from afar"
    ((path, headers, body),) = provider.requests
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "sk-sf-caller" not in str(headers)
    assert json.loads(body) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "hi"}],
        "custom_field": {"a": [1]},
    }
    (row,) = forwarding.logs()
    assert (row["model"], row["routing_reason"], row["tokens_used"]) == ("gpt-4o-2024-08-06", "provider:openai", 7)


def test_a_forwarded_answer_is_cached(forwarding, provider):
    provider.answer(200, OK)
    forwarding.chat()
    assert forwarding.chat().json()["cached"] is True
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("status", "mapped", "code"),
    [
        (400, 400, "provider_rejected_request"), (404, 400, "provider_rejected_request"), (401, 502, "provider_refused_key"),
        (403, 502, "provider_refused_key"), (429, 429, "provider_rate_limited"), (500, 502, "provider_error"),
        (503, 502, "provider_error"), (302, 502, "provider_error"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_a_providers_error_status_is_mapped(forwarding, provider, status, mapped, code, stream):
    provider.answer(status, {"error": {"message": f"bad key {KEY}"}}, retry_after="7", location="http://evil.example/")
    answer = forwarding.chat(stream=stream)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["provider"]) == (mapped, code, "openai")
    assert f"openai answered {status}: bad key ***" == error["message"]
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)
    assert len(provider.requests) == 1
    (row,) = forwarding.logs()
    assert (row["error_code"], row["status_code"], row["metrics"]["success"]) == (code, mapped, False)


@pytest.mark.parametrize("body", [b"<html>no</html>", b"[]", b"", b'{"object": "chat.completion"}', b'{"choices": 7}'])
def test_nonsense_of_a_provider_is_502(forwarding, provider, body):
    provider.answer(200, body)
    answer = forwarding.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_error")


def test_a_provider_that_cannot_be_reached_is_503(start_gateway, provider):
    provider.stop()
    alone = start_gateway(environment={"OPENAI_BASE_URL": provider.url})
    answer = alone.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "provider_unavailable")
    assert alone.management.get("/api/routing/status").json()["last_failure"]["error"] == "openai cannot be reached"


def test_a_provider_that_does_not_answer_in_time_is_504(start_gateway):
    def never(request):
        raise httpx.ReadTimeout("late", request=request)

    slow = start_gateway(environment={"OPENAI_API_KEY": KEY}, transport=httpx.MockTransport(never))
    answer = slow.chat()
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "provider_timeout")


def test_failures_make_a_provider_unhealthy(forwarding, provider):
    provider.answer(500, {})
    forwarding.chat()
    (snapshot,) = forwarding.management.get("/api/providers/perf").json()["data"]["snapshots"]
    assert (snapshot["status"], snapshot["error_rate"], snapshot["requests"]) == ("unhealthy", 1.0, 1)
    assert forwarding.management.get("/api/health/comprehensive").json()["status"] == "unhealthy"


def test_a_stream_is_relayed_whatever_its_line_ends_and_pieces(forwarding, provider):
    whole = (
        b": hello\r\n\r\n"
        + chunk("a\u2028b").replace(b"\n\n", b"\r\n\r\n")
        + chunk("\u00e9")
        + chunk(finish="stop")
        + b"data: [DONE]\n\n"
    )
    provider.stream(*[whole[at : at + 7] for at in range(0, len(whole), 7)])
    *chunks, done = data_lines(forwarding.chat(stream=True))
    assert done == "[DONE]"
    assert "".join(json.loads(each)["choices"][0]["delta"].get("content", "") for each in chunks) == "a\u2028b\u00e9"
    sent = json.loads(provider.requests[0][2])
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})


def test_the_usage_of_a_stream_is_captured_and_the_answer_cached(forwarding, provider):
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    last = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o",
        "choices": [],
        "usage": usage,
    }
    provider.stream(
        chunk("yes"), chunk(finish="stop"), b"data: " + json.dumps(last).encode() + b"\n\n", b"data: [DONE]\n\n"
    )
    assert '"usage"' not in forwarding.chat(stream=True).text
    assert forwarding.logs()[0]["metrics"]["prompt_tokens"] == 3
    assert forwarding.chat().json()["choices"][0]["message"]["content"] == "yes"
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"", "provider_stream_cut"),
        (b'data: {"error": {"message": "overloaded"}}\n\n', "provider_error"),
        (b"data: not json\n\n", "provider_error"),
        (b'data: {"object": "chat.completion.chunk"}\n\n', "provider_error"),
    ],
)
def test_a_failure_in_a_stream_is_told_in_the_stream_without_done(forwarding, provider, tail, code):
    provider.stream(chunk("partial"), tail)
    answer = forwarding.chat(stream=True)
    lines = data_lines(answer)
    assert answer.status_code == 200
    assert json.loads(lines[-1])["error"]["code"] == code
    assert "[DONE]" not in lines
    (row,) = forwarding.logs()
    assert (row["error_code"], row["response_content"]) == (code, "partial")
    assert forwarding.management.get("/api/metacache/stats").json()["entries"] == 0


def test_a_caller_that_hangs_up_ends_the_providers_stream_and_is_audited(forwarding, provider):
    provider.hold.clear()
    provider.stream(*[chunk("x" * 1000)] * 200)
    written = threading.Event()
    audit = forwarding.gateway.audit
    write = audit.write

    def write_and_tell(*args):
        write(*args)
        written.set()

    audit.write = write_and_tell
    body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    with forwarding.proxy.stream("POST", "/v1/chat/completions", json=body) as answer:
        next(answer.iter_raw())
    assert written.wait(10)
    provider.hold.set()
    assert provider.gone.wait(10)
    (row,) = forwarding.logs()
    assert (row["error_code"], row["status_code"]) == ("client_disconnected", 499)


def test_messages_are_forwarded_as_chat_when_the_call_is_forced_to_such_a_provider(forwarding, provider):
    provider.answer(200, OK)
    body = {"model": "claude-sonnet-4-6", "max_tokens": 50, "system": "be brief", "temperature": 0.5,
            "messages": [{"role": "user", "content": "hi"}]}  # fmt: skip
    answer = forwarding.proxy.post("/v1/messages", json=body, headers={"x-smartflow-provider": "openai"})
    assert answer.json()["content"] == [{"type": "text", "text": "from afar"}]
    assert answer.json()["usage"] == {"input_tokens": 5, "output_tokens": 2}
    sent = json.loads(provider.requests[0][2])
    assert (sent["model"], sent["temperature"], sent["messages"][0]["role"]) == ("gpt-4.1", 0.5, "system")


def test_streamed_messages_over_a_chat_provider_become_events(forwarding, provider):
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
    rest = {"index": 0, "function": {"arguments": "1}"}}
    tool = [{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [{"index": 0, "delta": {"tool_calls": [part]}, "finish_reason": None}]} for part in (call, rest)]  # fmt: skip
    provider.stream(
        chunk("so"),
        *[b"data: " + json.dumps(each).encode() + b"\n\n" for each in tool],
        chunk(finish="tool_calls"),
        b"data: [DONE]\n\n",
    )
    body = {"model": "gpt-4o", "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    answer = forwarding.proxy.post("/v1/messages", json=body, headers={"x-smartflow-provider": "openai"})
    told = [json.loads(line) for line in data_lines(answer)]
    assert [each["type"] for each in told] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "content_block_start",
        "content_block_delta", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert told[4]["content_block"]["name"] == "f"
    assert "".join(each["delta"].get("partial_json", "") for each in told[5:7]) == '{"a":1}'
    assert told[8]["delta"]["stop_reason"] == "tool_use"


def test_a_second_gateway_serves_as_a_provider(start_gateway):
    inner = start_gateway()
    outer = start_gateway(
        environment={"OPENAI_BASE_URL": f"{inner.urls['proxy']}/v1", "LOCAL_BASE_URL": inner.urls["proxy"]}
    )
    assert "offline" in outer.chat("chain").json()["choices"][0]["message"]["content"]
    assert inner.logs()[0]["request_content"] == "chain"
    assert data_lines(outer.chat("chain stream", stream=True))[-1] == "[DONE]"
    assert outer.chat("local", model="local/tiny").json()["provider"] == "local"
    vectors = outer.proxy.post("/v1/embeddings", json={"model": "text-embedding-3-small", "input": "a"})
    assert vectors.json()["data"][0]["index"] == 0
    spoken = outer.proxy.post(
        "/v1/audio/speech", json={"model": "tts-1", "input": "hi", "voice": "alloy", "response_format": "wav"}
    )
    assert spoken.content[:4] == b"RIFF"
    heard = outer.proxy.post(
        "/v1/audio/transcriptions", files={"file": ("a.wav", spoken.content)}, data={"model": "whisper-1"}
    )
    assert "a.wav" in heard.json()["text"]
    assert "local/gpt-4o" in [model["id"] for model in outer.proxy.get("/v1/models").json()["data"]]


def test_a_base_url_that_points_back_at_the_gateway_is_refused(start_gateway):
    first = start_gateway(environment={"LOCAL_BASE_URL": "http://127.0.0.1:1"})
    second = start_gateway(environment={"LOCAL_BASE_URL": first.urls["proxy"]})
    # The port of the second is known only now; together they are a circle.
    first.gateway.routing = RoutingEngine(RoutingRepo(first.gateway.store), {"LOCAL_BASE_URL": second.urls["proxy"]})
    answer = first.chat(model="local/local/local/m")
    assert answer.status_code == 502
    assert "points back at this gateway" in answer.json()["error"]["message"]
