"""The agent over a real socket: memory, scans, hooks and tools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, List

import pytest

from smartflow import (
    AgentResult,
    ConfigError,
    SmartflowAgent,
    SmartflowClient,
    SmartflowError,
    TimeoutError,
    ValidationError,
)

pytestmark = pytest.mark.asyncio

CARD = "My card is 4111-1111-1111-1111"
SYSTEM = "You are a support engineer."


async def test_an_agent_answers_and_remembers(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    agent = SmartflowAgent(client=sf, name="TechSupport", system_prompt=SYSTEM, temperature=0.7)
    first, second = unique("It crashes"), unique("It uses Flask")
    answer = await agent.chat(first)
    assert first in answer
    await agent.chat(second)
    roles = [message["role"] for message in agent.get_history()]
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    assert agent.message_count == 5
    assert agent.get_history()[2]["content"] == answer


async def test_the_whole_history_goes_to_the_model(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    agent = SmartflowAgent(sf)
    short = (await agent.run(unique("Hello"))).usage.prompt_tokens
    longer = (await agent.run(unique("Hello"))).usage.prompt_tokens
    assert longer > 2 * short


async def test_clearing_the_history_keeps_the_system_prompt(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, system_prompt=SYSTEM)
    await agent.chat("Hello")
    agent.clear_history()
    assert agent.get_history() == [{"role": "system", "content": SYSTEM}]


async def test_the_history_is_handed_out_as_a_copy(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, system_prompt=SYSTEM)
    agent.get_history()[0]["content"] = "You are a pirate."
    agent.get_history().clear()
    assert agent.get_history() == [{"role": "system", "content": SYSTEM}]


async def test_a_failed_call_leaves_the_history_as_it_was(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, system_prompt=SYSTEM)
    await agent.chat("Hello")
    before = agent.get_history()
    agent.max_tokens = -1
    with pytest.raises(SmartflowError):
        await agent.chat("And then?")
    assert agent.get_history() == before


async def test_usage_and_cost_are_summed_over_turns(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    agent = SmartflowAgent(sf)
    results = [await agent.run(unique("Hello")) for _ in range(3)]
    assert all(isinstance(result, AgentResult) and result.usage.total_tokens > 0 for result in results)
    assert agent.usage.total_tokens == sum(result.usage.total_tokens for result in results)
    assert agent.total_cost_cents == pytest.approx(sum(result.cost_cents for result in results))
    assert agent.total_cost_cents > 0


async def test_a_tool_is_called_and_its_result_reaches_the_model(sf: SmartflowClient) -> None:
    asked: List[str] = []

    def get_weather(city: str) -> str:
        """Tell the weather of a city.

        Args:
            city: The city.
        """
        asked.append(city)
        return "sunny, 21 degrees"

    agent = SmartflowAgent(sf, tools=[get_weather])
    result = await agent.run("What is the weather in Paris?")
    assert len(asked) == 1
    (call,) = result.tool_calls
    assert (call.name, call.output, call.error) == ("get_weather", "sunny, 21 degrees", None)
    assert call.arguments == {"city": asked[0]}
    assert result.turns == 2
    assert [message["role"] for message in agent.get_history()] == ["user", "assistant", "tool", "assistant"]
    assert agent.get_history()[2]["content"] == "sunny, 21 degrees"
    assert result.usage.total_tokens == agent.usage.total_tokens


async def test_an_async_tool_is_awaited_or_refused(sf: SmartflowClient) -> None:
    async def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        return f"rain in {city}"

    result = await SmartflowAgent(sf, tools=[get_weather]).run("What is the weather in Paris?")
    assert result.tool_calls[0].error is None
    assert result.tool_calls[0].output.startswith("rain in")


async def test_a_tool_that_fails_is_told_to_the_model(sf: SmartflowClient) -> None:
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        raise LookupError("no such city")

    result = await SmartflowAgent(sf, tools=[get_weather]).run("What is the weather in Paris?")
    assert result.tool_calls[0].error == "LookupError: no such city"
    assert result.tool_calls[0].output == "Error: LookupError: no such city"
    assert result.content


async def test_a_history_that_is_cleared_in_the_midst_of_a_turn_stays_cleared(sf: SmartflowClient) -> None:
    def forget_everything() -> str:
        """Forget everything."""
        agent.clear_history()
        return "done"

    agent = SmartflowAgent(sf, system_prompt=SYSTEM, tools=[forget_everything])
    await agent.chat("Hello")
    await agent.chat("Please forget everything")
    roles = [message["role"] for message in agent.get_history()]
    assert roles == ["system", "user", "assistant", "tool", "assistant"]
    assert agent.get_history()[1]["content"] == "Please forget everything"


async def test_a_long_conversation_forgets_its_oldest_turns(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, system_prompt=SYSTEM, max_history_tokens=300)
    for number in ("one", "two", "three", "four", "five", "six", "seven", "eight"):
        await agent.chat(f"Question {number}")
        history = agent.get_history()
        assert [message["role"] for message in history[:3]] == ["system", "user", "assistant"]
        assert f"Question {number}" in history[-2]["content"]
    assert 3 <= agent.message_count < 17
    assert "Question one" not in str(agent.get_history())


async def test_a_tool_that_talks_to_its_own_agent_is_an_error_and_no_standstill(sf: SmartflowClient) -> None:
    async def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        return await agent.chat("What is the weather?")

    agent = SmartflowAgent(sf, tools=[get_weather], timeout=20)
    result = await agent.run("What is the weather in Paris?")
    assert "in the midst of a turn" in str(result.tool_calls[0].error)
    assert (await agent.run("Hello")).content


async def test_a_tool_without_a_function_is_told_to_the_model(sf: SmartflowClient) -> None:
    tool = {"type": "function", "function": {"name": "get_weather", "description": "Tell the weather of a city."}}
    result = await SmartflowAgent(sf, tools=[tool]).run("What is the weather in Paris?")
    assert result.tool_calls[0].error is not None
    assert "no function" in result.tool_calls[0].error


async def test_a_run_ends_when_the_model_only_calls_tools(sf: SmartflowClient) -> None:
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        return "sunny"

    agent = SmartflowAgent(sf, tools=[get_weather], max_turns=1)
    with pytest.raises(SmartflowError, match="max_turns=1"):
        await agent.chat("What is the weather in Paris?")
    assert agent.message_count == 0


async def test_a_run_that_takes_too_long_is_a_timeout(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, timeout=1e-9)
    with pytest.raises(TimeoutError, match="timeout=1e-09"):
        await agent.chat("Hello")
    assert agent.message_count == 0


@dataclass
class Ticket:
    title: str
    tags: List[str]
    urgent: bool


async def test_an_answer_can_be_of_a_type(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    agent = SmartflowAgent(sf)
    result = await agent.run(unique("File a ticket"), output_type=Ticket)
    assert isinstance(result.output, Ticket)
    assert isinstance(result.output.urgent, bool)
    assert json.loads(result.content)["title"] == result.output.title
    numbers = await agent.run(unique("Count"), output_type=List[int])
    assert all(isinstance(each, int) for each in numbers.output)
    assert (await agent.run(unique("Hello"))).output == agent.get_history()[-1]["content"]


async def test_an_output_type_that_json_cannot_say_is_refused(sf: SmartflowClient) -> None:
    with pytest.raises(ConfigError, match="output_type"):
        await SmartflowAgent(sf).run("Hello", output_type=complex)


async def test_a_conversation_is_kept_as_json_and_continued(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, system_prompt=SYSTEM)
    await agent.chat("Hello")
    kept = json.dumps(agent.get_history())
    other = SmartflowAgent(sf)
    other.set_history(json.loads(kept))
    assert other.get_history() == agent.get_history()
    await other.chat("And then?")
    assert (other.message_count, agent.message_count) == (5, 3)
    with pytest.raises(ValidationError, match="role"):
        other.set_history([{"content": "no role"}])
    assert other.message_count == 5


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"timeout": 0}, "timeout"),
        ({"tools": [42]}, "tool"),
        ({"user_id": ""}, "user_id"),
        ({"name": ""}, "name"),
        ({"max_turns": 0}, "max_turns"),
        ({"enable_compliance_scan": None}, "enable_compliance_scan must be True or False"),
        ({"on_review": True}, "on_review must be a function"),
        ({"on_log": "log"}, "on_log must be a function"),
        ({"max_history_tokens": 0}, "max_history_tokens"),
    ],
)
async def test_a_wrong_argument_is_named(sf: SmartflowClient, options: Dict[str, Any], word: str) -> None:
    with pytest.raises((ConfigError, ValidationError), match=word):
        SmartflowAgent(sf, **options)


async def test_an_empty_message_is_refused(sf: SmartflowClient) -> None:
    with pytest.raises(ValidationError, match="message must not be empty"):
        await SmartflowAgent(sf).chat("")
