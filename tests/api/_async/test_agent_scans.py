"""The scans of the agent over a real socket: what is scanned, which policy decides, and what the hooks are asked."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List

import pytest

from smartflow import ComplianceError, ScanVerdict, SmartflowAgent, SmartflowClient, ValidationError

pytestmark = pytest.mark.asyncio

CARD = "My card is 4111-1111-1111-1111"
PASSPORT = "My passport number is X12345678"
EMAIL = "Write to john.doe@example.com"
SYSTEM = "You are a support engineer."


async def test_a_blocked_message_is_an_error_with_its_violations(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, name="SecureSupport", system_prompt=SYSTEM)
    with pytest.raises(ComplianceError, match=r"(?i)compliance.*SecureSupport.*credit_card") as caught:
        await agent.chat(CARD)
    assert caught.value.violations == ["credit_card", "payment_data"]
    assert caught.value.risk_score is not None
    assert caught.value.risk_score >= 0.75
    assert caught.value.details["stage"] == "input"
    assert "4111" not in str(caught.value)
    assert agent.message_count == 1
    assert agent.usage.total_tokens == 0


async def test_a_blocked_answer_is_an_error_and_leaves_no_trace(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, system_prompt=SYSTEM)
    # The offline provider repeats what it was told, so the answer holds the card.
    with pytest.raises(ComplianceError) as caught:
        await agent.chat(CARD, scan_input=False)
    assert caught.value.details["stage"] == "output"
    assert caught.value.violations == ["credit_card", "payment_data"]
    assert agent.get_history() == [{"role": "system", "content": SYSTEM}]
    assert agent.usage.total_tokens > 0, "the call was made, so it counts"


async def test_an_agent_goes_on_after_a_blocked_message(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf)
    with pytest.raises(ComplianceError):
        await agent.chat(CARD)
    assert "Hello" in await agent.chat("Hello")
    assert agent.message_count == 2


@pytest.mark.parametrize("options", [{"scan_input": False, "scan_output": False}, {}])
async def test_scans_are_left_out_when_the_caller_says_so(sf: SmartflowClient, options: Dict[str, bool]) -> None:
    agent = SmartflowAgent(sf, enable_compliance_scan=bool(options))
    assert "4111" in await agent.chat(CARD, **options)


@pytest.mark.parametrize(
    ("text", "policy", "action"),
    [
        (PASSPORT, "enterprise_standard", "Review"),
        (PASSPORT, "pci_dss_strict", "Block"),
        (EMAIL, "enterprise_standard", "AllowAndLog"),
        (EMAIL, "hipaa", "Review"),
    ],
)
async def test_the_thresholds_of_the_chosen_policy_decide(
    sf: SmartflowClient, text: str, policy: str, action: str
) -> None:
    seen: List[ScanVerdict] = []

    def told(verdict: ScanVerdict) -> bool:
        seen.append(verdict)
        return True

    agent = SmartflowAgent(sf, compliance_policy=policy, on_review=told, on_log=told)
    if action == "Block":
        with pytest.raises(ComplianceError, match=f"policy {policy}"):
            await agent.chat(text, scan_output=False)
        assert seen == []
    else:
        await agent.chat(text, scan_output=False)
        assert [(verdict.action, verdict.policy) for verdict in seen] == [(action, policy)]


async def test_an_unknown_policy_is_an_error_and_no_pass(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, compliance_policy="no_such_policy")
    with pytest.raises(ValidationError, match="there is no such policy"):
        await agent.chat("Hello")
    assert agent.message_count == 0


async def test_a_text_to_be_reviewed_passes_only_when_the_reviewer_says_true(sf: SmartflowClient) -> None:
    verdicts: List[ScanVerdict] = []

    def review(answer: Any) -> Callable[[ScanVerdict], Any]:
        def decide(verdict: ScanVerdict) -> Any:
            verdicts.append(verdict)
            return answer

        return decide

    await SmartflowAgent(sf, on_review=review(True)).chat(PASSPORT, scan_output=False)
    (verdict,) = verdicts
    assert (verdict.stage, verdict.action, verdict.content) == ("input", "Review", PASSPORT)
    assert verdict.violations == ["passport", "identity"]
    assert PASSPORT not in repr(verdict)
    for refused in (False, None, "yes"):
        with pytest.raises(ComplianceError, match="did not approve"):
            await SmartflowAgent(sf, on_review=review(refused)).chat(PASSPORT)
    with pytest.raises(ComplianceError, match="on_review="):
        await SmartflowAgent(sf).chat(PASSPORT)


async def test_a_text_to_be_logged_passes_and_is_told(sf: SmartflowClient, caplog: pytest.LogCaptureFixture) -> None:
    told: List[ScanVerdict] = []
    result = await SmartflowAgent(sf, on_log=told.append).run(EMAIL, scan_output=False)
    assert [verdict.violations for verdict in told] == [["email"]]
    assert [verdict.action for verdict in result.scans] == ["AllowAndLog"]
    with caplog.at_level(logging.WARNING, "smartflow"):
        await SmartflowAgent(sf, name="Quiet").chat(EMAIL, scan_output=False)
    assert "Quiet" in caplog.text
    assert "email" in caplog.text
    assert "john.doe" not in caplog.text


async def test_scans_and_calls_carry_the_user(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user, org = unique("customer"), unique("acme")
    agent = SmartflowAgent(sf, user_id=user, org_id=org)
    await agent.chat(unique("Hello"))
    status = await sf.get_learning_status(user)
    assert (status.total_requests, status.org_id) == (2, org)
    rows = [row for row in await sf.get_logs(limit=1000) if row.user_id == user]
    assert "chat" in {row.content_type for row in rows}


async def test_a_tool_result_is_scanned_before_the_model_gets_it(sf: SmartflowClient) -> None:
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        return CARD

    agent = SmartflowAgent(sf, tools=[get_weather])
    with pytest.raises(ComplianceError) as caught:
        await agent.chat("What is the weather in Paris?")
    assert caught.value.details["stage"] == "tool"
    assert agent.message_count == 0


async def test_the_system_prompt_is_scanned_once(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf, system_prompt=SYSTEM)
    first, second = await agent.run("Hello"), await agent.run("Hello again")
    assert [verdict.stage for verdict in first.scans] == ["history", "input", "output"]
    assert [verdict.stage for verdict in second.scans] == ["input", "output"]
    telling = SmartflowAgent(sf, system_prompt=CARD)
    with pytest.raises(ComplianceError) as caught:
        await telling.chat("Hello")
    assert caught.value.details["stage"] == "history"
    assert telling.message_count == 1


async def test_a_history_that_was_set_is_scanned_before_the_model_gets_it(sf: SmartflowClient) -> None:
    agent = SmartflowAgent(sf)
    agent.set_history([{"role": "user", "content": [{"type": "text", "text": CARD}]}])
    for _ in range(2):
        with pytest.raises(ComplianceError) as caught:
            await agent.chat("And then?")
        assert caught.value.details["stage"] == "history"
    await agent.chat("And then?", scan_input=False, scan_output=False)
    assert agent.message_count == 3


@pytest.mark.parametrize("options", [{"scan_input": None}, {"scan_output": 0}])
async def test_a_scan_is_turned_off_by_false_only(sf: SmartflowClient, options: Dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="must be True or False"):
        await SmartflowAgent(sf).chat("Hello", **options)
