"""Chat over a real socket: the reply as text, the whole answer, Claude's own API, and models by their prefixes."""

from __future__ import annotations

import time
from typing import Callable

import pytest

from smartflow import AIResponse, ProviderError, ResponseInfo, SmartflowClient, ValidationError

from .looking import row_of

pytestmark = pytest.mark.asyncio


async def test_chat_returns_the_reply_as_text(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Explain Docker containers")
    reply = await sf.chat(prompt)
    assert isinstance(reply, str)
    assert reply.startswith("[offline gpt-4o]")
    assert f'You wrote: "{prompt}"' in reply


async def test_chat_sends_each_of_its_arguments(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Write a Python function to sort a list")
    seen: list[ResponseInfo] = []
    reply = await sf.with_options(on_response=seen.append).chat(
        message=prompt,
        model="gpt-4o-mini",
        system_prompt="You are an expert Python developer.",
        temperature=0.3,
        max_tokens=1000,
        stop=["I see"],
    )
    assert reply.startswith("[offline gpt-4o-mini]")
    assert prompt in reply
    assert "I see" not in reply
    row = await row_of(sf, seen[0].request_id)
    assert row.model == "gpt-4o-mini"


async def test_a_system_prompt_reaches_the_model(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    reply = await sf.chat(unique("Hello"), system_prompt="You speak like a sailor.")
    assert 'the system prompt "You speak like a sailor."' in reply


async def test_max_tokens_cuts_the_answer(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}], max_tokens=4)
    assert answer.finish_reason == "length"
    assert answer.usage.completion_tokens == 4


async def test_a_completion_has_every_documented_field(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("What is REST API?")
    before = int(time.time())
    answer = await sf.chat_completions(
        messages=[{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": prompt}],
        model="gpt-4o",
    )
    assert isinstance(answer, AIResponse)
    assert prompt in answer.content
    assert answer.choices == [
        {"index": 0, "message": {"role": "assistant", "content": answer.content}, "finish_reason": "stop"}
    ]
    assert answer.message == {"role": "assistant", "content": answer.content}
    assert answer.finish_reason == "stop"
    assert answer.tool_calls == []
    assert answer.refusal is None
    assert answer.model == "gpt-4o"
    assert answer.id.startswith("chatcmpl")
    assert before - 60 <= answer.created <= time.time() + 60
    assert answer.cached is False
    assert answer.cache_hit_type is None
    assert answer.provider == "openai"


async def test_usage_counts_the_tokens_of_both_sides(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    short = await sf.chat_completions([{"role": "user", "content": unique("Hi")}])
    longer = await sf.chat_completions([{"role": "user", "content": unique("Hi " * 200)}])
    assert longer.usage.prompt_tokens > short.usage.prompt_tokens + 150
    assert short.usage.completion_tokens > 0
    assert short.usage.total_tokens == short.usage.prompt_tokens + short.usage.completion_tokens
    assert short.usage.cached_tokens == 0


async def test_the_facts_of_the_http_answer_are_reachable(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    answer = await sf.chat_completions([{"role": "user", "content": unique("Hello")}])
    assert answer.request_id
    assert answer.headers["x-smartflow-request-id"] == answer.request_id
    assert answer.headers["x-smartflow-provider"] == "openai"
    assert answer.headers["x-smartflow-cache"] == "miss"
    assert int(answer.headers["x-smartflow-latency-ms"]) >= 0
    assert float(answer.headers["x-smartflow-cost-usd"]) > 0
    assert answer.extra["object"] == "chat.completion"
    assert answer.to_dict()["content"] == answer.content


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("openai/gpt-4o", "openai"),
        ("o3-mini", "openai"),
        ("claude-sonnet-4-6", "anthropic"),
        ("anthropic/claude-3-5-haiku-20241022", "anthropic"),
        ("gemini-1.5-pro", "gemini"),
        ("gemini/gemini-2.0-flash", "gemini"),
        ("xai/grok-2-latest", "xai"),
        ("mistral/mistral-large-latest", "mistral"),
        ("cohere/command-r-plus", "cohere"),
        ("groq/llama-3.1-70b-versatile", "groq"),
        ("openrouter/meta-llama/llama-3.1-405b", "openrouter"),
        ("ollama/llama3.2", "ollama"),
        ("azure/my-gpt4o-deployment", "azure"),
        ("local/my-fine-tuned-model", "local"),
    ],
)
async def test_the_model_name_chooses_the_provider(sf: SmartflowClient, model: str, provider: str) -> None:
    answer = await sf.chat_completions([{"role": "user", "content": "Hello"}], model=model)
    assert answer.provider == provider
    assert answer.headers["x-smartflow-provider"] == provider


async def test_claude_message_returns_the_text_of_the_answer(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    prompt = unique("Analyze this code for security vulnerabilities")
    reply = await sf.claude_message(
        message=prompt, model="claude-sonnet-4-6", max_tokens=2000, system="You are a senior security engineer."
    )
    assert reply.startswith("[offline claude-sonnet-4-6]")
    assert prompt in reply
    assert 'the system prompt "You are a senior security engineer."' in reply


async def test_claude_message_goes_to_anthropic_and_is_logged(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    seen: list[ResponseInfo] = []
    await sf.with_options(on_response=seen.append).claude_message(unique("Hello"))
    assert seen[0].operation == "createMessage"
    row = await row_of(sf, seen[0].request_id)
    assert row.provider == "anthropic"
    assert row.model == "claude-sonnet-4-6"
    assert row.content_type == "chat"
    assert row.tokens_used > 0


async def test_claude_message_is_cut_after_max_tokens(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    whole = await sf.claude_message(unique("Hello"))
    cut = await sf.claude_message(unique("Hello"), max_tokens=3)
    assert 0 < len(cut) < len(whole)


async def test_an_empty_conversation_is_refused_before_it_is_sent(sf: SmartflowClient) -> None:
    with pytest.raises(ValidationError, match="messages must not be empty"):
        await sf.chat_completions([])


async def test_a_value_that_the_gateway_refuses_is_a_validation_error(sf: SmartflowClient) -> None:
    with pytest.raises(ValidationError, match="temperature") as caught:
        await sf.chat("Hello", temperature=9.0)
    assert caught.value.status_code == 400
    assert caught.value.request_id
    assert not isinstance(caught.value, ProviderError)
