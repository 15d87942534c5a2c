"""Agents and workflows without a gateway: scans are left out only when the caller says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Dict

import pytest

from smartflow import (
    DirectModeError,
    ResponseValidationError,
    SmartflowAgent,
    SmartflowClient,
    SmartflowWorkflow,
    SyncSmartflowAgent,
    SyncSmartflowWorkflow,
)
from tests.support.answers import chat, reply
from tests.support.faces import Connect, Face
from tests.support.hostile import SILENCE, HostileServer


def agent_of(sf: Face, **options: Any) -> Face:
    kind: Any = SmartflowAgent if sf.flavour == "async" else SyncSmartflowAgent
    return Face(sf.flavour, kind(sf.client, **options), sf._loop)


def workflow_of(sf: Face, **options: Any) -> Face:
    kind: Any = SmartflowWorkflow if sf.flavour == "async" else SyncSmartflowWorkflow
    return Face(sf.flavour, kind(sf.client, **options), sf._loop)


@pytest.mark.parametrize("options", [{}, {"scan_input": False}, {"scan_output": False}])
def test_a_turn_that_would_be_scanned_is_refused_with_the_cure(
    connect: Connect, server: HostileServer, at: Any, options: Dict[str, bool]
) -> None:
    at("openai")
    agent = agent_of(connect(), name="Helper", system_prompt="Be brief.")
    with pytest.raises(DirectModeError, match=r"'Helper'.*enable_compliance_scan=False.*scan_input=False"):
        agent.chat("Hello", **options)
    assert server.requests == []
    assert agent.message_count == 1


@pytest.mark.parametrize(
    ("made", "asked"),
    [({"enable_compliance_scan": False}, {}), ({}, {"scan_input": False, "scan_output": False})],
)
def test_without_scans_an_agent_talks_to_the_provider(
    connect: Connect, server: HostileServer, at: Any, made: Dict[str, bool], asked: Dict[str, bool]
) -> None:
    at("openai")
    server.answer(reply(chat("Hi")))
    agent = agent_of(connect(), user_id="alice", **made)
    assert agent.chat("Hello", **asked) == "Hi"
    (request,) = server.requests
    assert "alice" not in str(request.headers), "who calls is no business of the provider"
    assert request.json()["messages"] == [{"role": "user", "content": "Hello"}]


def test_a_workflow_that_checks_is_refused_with_the_cure_before_anything_is_sent(
    connect: Connect, server: HostileServer, at: Any
) -> None:
    at("openai")
    server.answer(reply(chat("Hi")))
    sf = connect()
    for options, sent in (({}, 0), ({"enable_compliance_scan": False}, 1)):
        workflow = workflow_of(sf, **options)
        workflow.add_step("greet", "chat", {"prompt": "{input}"}, ["check"])
        workflow.add_step("check", "compliance_check", {"content": "{output}"})
        if sent:
            result = workflow.execute({"input": "Hello"})
            assert (result.success, result.output, result.total_tokens) == (True, "Hi", 5)
        else:
            with pytest.raises(DirectModeError, match=r"Workflow\(\.\.\., enable_compliance_scan=False"):
                workflow.execute({"input": "Hello"})
        assert len(server.requests) == sent


def test_a_workflow_without_checks_needs_no_gateway(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai")
    server.answer(reply(chat("Hi")))
    workflow = workflow_of(connect())
    workflow.add_step("greet", "chat", {"prompt": "{input}"})
    assert workflow.execute("Hello").output == "Hi"


def test_a_cancelled_turn_leaves_the_history_and_the_next_turn_works(server: HostileServer, at: Any) -> None:
    at("openai")
    server.answer([SILENCE], reply(chat("Hi")))

    async def program() -> None:
        async with SmartflowClient(timeout=5.0) as sf:
            agent = SmartflowAgent(sf, system_prompt="Be brief.", enable_compliance_scan=False)
            turn = asyncio.ensure_future(agent.chat("Hello"))
            while not server.requests:
                await asyncio.sleep(0)
            turn.cancel()
            with pytest.raises(asyncio.CancelledError):
                await turn
            assert agent.message_count == 1
            assert await agent.chat("Hello again") == "Hi"
            assert [message["content"] for message in agent.get_history()] == ["Be brief.", "Hello again", "Hi"]

    asyncio.run(program())


def test_turns_of_several_tasks_run_one_after_the_other(server: HostileServer, at: Any) -> None:
    at("openai")
    server.answer(*(reply(chat(f"answer {number}")) for number in range(4)))

    async def program() -> None:
        async with SmartflowClient(timeout=5.0) as sf:
            agent = SmartflowAgent(sf, enable_compliance_scan=False)
            await asyncio.gather(*(agent.chat(f"question {number}") for number in range(4)))
            assert [message["role"] for message in agent.get_history()] == ["user", "assistant"] * 4
        assert [len(request.json()["messages"]) for request in server.requests] == [1, 3, 5, 7]

    asyncio.run(program())


@dataclass
class City:
    name: str


def test_an_answer_that_does_not_fit_is_given_back_to_the_model(
    connect: Connect, server: HostileServer, at: Any
) -> None:
    at("openai")
    server.answer(reply(chat("Paris")), reply(chat('{"name": 7}')), reply(chat('{"name": "Paris"}')))
    agent = agent_of(connect(), enable_compliance_scan=False)
    result = agent.run("The capital?", output_type=City)
    assert (result.output, result.turns) == (City("Paris"), 3)
    told = [request.json()["messages"][-1]["content"] for request in server.requests]
    assert "no JSON" in told[1]
    assert "answer.name must be string" in told[2]
    assert server.requests[0].json()["response_format"]["json_schema"]["name"] == "City"


def test_answers_that_never_fit_are_an_error(connect: Connect, server: HostileServer, at: Any) -> None:
    at("openai")
    server.answer(reply(chat("Paris")), reply(chat("Paris!")))
    agent = agent_of(connect(), enable_compliance_scan=False, max_turns=2)
    with pytest.raises(ResponseValidationError, match="max_turns=2") as caught:
        agent.run("The capital?", output_type=City)
    assert caught.value.body == "Paris!"
    assert agent.message_count == 0
