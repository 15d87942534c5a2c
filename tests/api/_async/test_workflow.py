"""The workflow over a real socket: steps, branches, templates, and what a result tells."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest

from smartflow import ComplianceError, ScanVerdict, SmartflowAgent, SmartflowClient, SmartflowWorkflow, ValidationError

pytestmark = pytest.mark.asyncio

CARD = "Please charge card 4111-1111-1111-1111"


def pipeline(sf: SmartflowClient) -> SmartflowWorkflow:
    """The documented pipeline, with the steps that its branches lead to."""
    workflow = SmartflowWorkflow(sf, name="ContentPipeline")
    workflow.add_step(
        name="analyze",
        action="chat",
        config={"prompt": "Analyze the tone of this text: {input}", "model": "gpt-4o-mini"},
        next_steps=["compliance_check"],
    )
    workflow.add_step(
        name="compliance_check", action="compliance_check", config={"content": "{input}"}, next_steps=["route"]
    )
    cases = {"positive": "enhance", "negative": "review", "neutral": "publish"}
    workflow.add_step(name="route", action="condition", config={"field": "output", "cases": cases})
    for name in cases.values():
        workflow.add_step(name=name, action="chat", config={"prompt": name + ": {input}"})
    return workflow


@pytest.mark.parametrize(("tone", "target"), [("positive", "enhance"), ("Negative", "review"), ("NEUTRAL", "publish")])
async def test_the_documented_pipeline_takes_the_branch_of_the_analysis(
    sf: SmartflowClient, tone: str, target: str
) -> None:
    # The offline provider repeats what it was told, so the analysis names the tone.
    result = await pipeline(sf).execute({"input": f"A {tone} word about the product."})
    assert result.errors == []
    assert result.success is True
    assert result.steps_executed == ["analyze", "compliance_check", "route", target]
    assert f"{target}: A {tone} word" in result.output
    assert result.execution_time_ms > 0
    assert [record.action for record in result.records] == ["chat", "compliance_check", "condition", "chat"]


async def test_tokens_and_cost_are_the_sums_of_the_steps(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    result = await pipeline(sf).execute({"input": unique("A positive word")})
    assert result.total_tokens == sum(record.tokens for record in result.records) > 0
    assert result.total_cost_cents == pytest.approx(sum(record.cost_cents for record in result.records))
    assert result.total_cost_cents > 0
    assert [record.tokens > 0 for record in result.records] == [True, False, False, True]


async def test_a_violation_fails_the_step_and_the_run(sf: SmartflowClient) -> None:
    result = await pipeline(sf).execute({"input": CARD})
    assert result.success is False
    assert result.steps_executed == ["analyze", "compliance_check"]
    assert isinstance(result.exception, ComplianceError)
    assert result.exception.violations == ["credit_card"]
    assert len(result.errors) == 1
    assert "compliance_check" in result.errors[0]
    assert "4111" not in result.errors[0]


async def test_a_violation_can_be_branched_on(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("check", "compliance_check", {"content": "{input}", "on_violation": "continue"}, ["route"])
    cases = {"true": "stop", "false": "go"}
    workflow.add_step("route", "condition", {"field": "check.has_violations", "cases": cases})
    workflow.add_step("stop", "function", {"function": len, "input": "{check.redacted_content}"})
    workflow.add_step("go", "chat", {"prompt": "{input}"})
    stopped = await workflow.execute({"input": CARD})
    assert stopped.steps_executed == ["check", "route", "stop"]
    assert stopped.output == len("Please charge card [CREDIT_CARD]")
    assert (await workflow.execute({"input": "Hello"})).steps_executed == ["check", "route", "go"]


PASSPORT = {"input": "My passport number is X12345678"}


def checking(sf: SmartflowClient, policy: str = "enterprise_standard", **options: Any) -> SmartflowWorkflow:
    config = {"content": "{input}", "policy": policy}
    return SmartflowWorkflow(sf, **options).add_step("check", "compliance_check", config)


async def test_the_policy_of_a_check_is_applied(sf: SmartflowClient) -> None:
    """One policy wants a passport number reviewed, the other one blocks it."""
    seen: List[ScanVerdict] = []

    def approve(verdict: ScanVerdict) -> bool:
        seen.append(verdict)
        return True

    assert (await checking(sf, on_review=approve).execute(PASSPORT)).success is True
    assert [(verdict.stage, verdict.action, verdict.violations) for verdict in seen] == [
        ("check", "Review", ["passport"])
    ]
    strict = await checking(sf, "pci_dss_strict", on_review=approve).execute(PASSPORT)
    assert isinstance(strict.exception, ComplianceError)
    assert len(seen) == 1


async def test_a_text_to_be_reviewed_fails_the_check_unless_it_is_approved(sf: SmartflowClient) -> None:
    without = await checking(sf).execute(PASSPORT)
    assert without.success is False
    assert "give on_review= to the workflow" in without.errors[0]
    refused = await checking(sf, on_review=lambda verdict: "yes").execute(PASSPORT)
    assert "did not approve" in refused.errors[0]


async def test_a_text_to_be_logged_passes_the_check_and_is_told(sf: SmartflowClient) -> None:
    told: List[ScanVerdict] = []
    result = await checking(sf, on_log=told.append).execute({"input": "Write to john.doe@example.com"})
    assert result.success is True
    assert [(verdict.action, verdict.violations) for verdict in told] == [("AllowAndLog", ["email"])]
    assert result.records[0].output["recommended_action"] == "AllowAndLog"


async def test_checks_are_skipped_when_the_caller_says_so(sf: SmartflowClient) -> None:
    result = await checking(sf, enable_compliance_scan=False).execute({"input": CARD})
    assert (result.success, result.steps_executed, result.records[0].output) == (True, ["check"], None)


async def test_what_was_never_checked_is_not_branched_on(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf, enable_compliance_scan=False)
    workflow.add_step("check", "compliance_check", {"content": "{input}"}, ["route"])
    cases = {"false": "go"}
    workflow.add_step("route", "condition", {"field": "check.has_violations", "cases": cases})
    workflow.add_step("go", "chat", {"prompt": "{input}"})
    result = await workflow.execute({"input": CARD})
    assert (result.success, result.steps_executed) == (False, ["check", "route"])


async def test_an_error_step_takes_over_and_the_run_succeeds(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("check", "compliance_check", {"content": "{input}"}, on_error="apologize")
    workflow.add_step("apologize", "chat", {"prompt": "Apologize for: {error}"})
    result = await workflow.execute({"input": CARD})
    assert result.success is True
    assert result.exception is None
    assert result.steps_executed == ["check", "apologize"]
    assert "credit_card" in result.output
    assert len(result.errors) == 1


async def test_user_data_is_never_read_as_a_template(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("first", "chat", {"prompt": "Say {input}"}, ["second"])
    workflow.add_step("second", "chat", {"prompt": "Then {first.output} and {input}"})
    result = await workflow.execute({"input": "{secret} {output} {input}", "secret": "tulip"})
    assert result.success is True
    assert "{secret} {output} {input}" in result.output
    assert "tulip" not in result.output


async def test_a_condition_without_a_fitting_case_fails_or_takes_the_default(sf: SmartflowClient) -> None:
    config: Dict[str, Any] = {"field": "kind", "cases": {"billing": "end"}}
    workflow = SmartflowWorkflow(sf).add_step("route", "condition", config)
    workflow.add_step("end", "function", {"function": str.upper, "input": "{kind}"})
    assert (await workflow.execute({"kind": " Billing. "})).output == " BILLING. "
    failed = await workflow.execute({"kind": "weather"})
    assert failed.success is False
    assert "fits none of the cases" in failed.errors[0]
    other = SmartflowWorkflow(sf).add_step("route", "condition", {**config, "default": "end"})
    other.add_step("end", "function", {"function": str.upper, "input": "{kind}"})
    assert (await other.execute({"kind": "weather"})).output == "WEATHER"


async def test_a_run_that_does_not_end_has_failed(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("again", "function", {"function": str.upper, "input": "{input}"}, ["route"])
    workflow.add_step("route", "condition", {"field": "input", "cases": {"go on": "again"}, "default": "end"})
    workflow.add_step("end", "wait", {"seconds": 0})
    result = await workflow.execute({"input": "go on"}, max_iterations=7)
    assert result.success is False
    assert len(result.steps_executed) == 7
    assert "max_iterations=7" in result.errors[0]


async def test_all_problems_are_named_before_anything_is_run(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("a", "chat", {"prompt": "{inptu}", "modle": "gpt-4o"}, ["b"])
    workflow.add_step("c", "dance")
    result = await workflow.execute({"input": "Hello"})
    assert (result.success, result.steps_executed, result.total_tokens) == (False, [], 0)
    assert isinstance(result.exception, ValidationError)
    for word in ("inptu", "modle", "'b', which is no step", "no action 'dance'", "'c' is never reached"):
        assert any(word in error for error in result.errors), word


async def test_a_function_that_fails_fails_its_step(sf: SmartflowClient) -> None:
    def fail(text: str) -> str:
        raise LookupError(f"no {text}")

    workflow = SmartflowWorkflow(sf).add_step("find", "function", {"function": fail, "input": "{input}"})
    result = await workflow.execute("key")
    assert result.success is False
    assert "LookupError: no key" in result.errors[0]
    assert isinstance(result.exception, Exception)
    assert isinstance(result.exception.__cause__, LookupError)


async def test_agents_and_workflows_are_steps(sf: SmartflowClient) -> None:
    inner = SmartflowWorkflow(sf).add_step("shout", "function", {"function": str.upper, "input": "{input}"})
    agent = SmartflowAgent(sf)
    outer = SmartflowWorkflow(sf)
    outer.add_step("ask", "agent", {"agent": agent, "message": "Tell me of {input}"}, ["loud"])
    outer.add_step("loud", "workflow", {"workflow": inner, "input": "{ask.output}"})
    result = await outer.execute("tulips")
    assert result.errors == []
    assert "TELL ME OF TULIPS" in result.output
    assert result.total_tokens == agent.usage.total_tokens > 0


def fan(sf: SmartflowClient, **config: Any) -> SmartflowWorkflow:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("fan", "parallel", {"steps": ["tone", "check"], **config}, ["join"])
    workflow.add_step("tone", "chat", {"prompt": "The tone of {input}"})
    workflow.add_step("check", "compliance_check", {"content": "{input}"})
    workflow.add_step("join", "chat", {"prompt": "{tone.output} / {check.risk_level} / {fan.output.tone}"})
    return workflow


async def test_steps_run_side_by_side_and_their_outputs_come_together(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    result = await fan(sf).execute(unique("tulips"))
    assert result.errors == []
    assert result.steps_executed == ["tone", "check", "fan", "join"]
    assert "The tone of tulips" in result.output
    assert "/ low /" in result.output
    assert result.total_tokens == sum(record.tokens for record in result.records)
    assert [record.tokens > 0 for record in result.records] == [True, False, False, True]


async def test_a_branch_that_fails_fails_the_parallel_step(sf: SmartflowClient) -> None:
    result = await fan(sf, max_parallel=1).execute(CARD)
    assert result.success is False
    assert result.steps_executed == ["tone", "check", "fan"]
    assert isinstance(result.exception, ComplianceError)
    assert result.total_tokens > 0, "the other branch was paid for"


async def test_branches_that_cannot_run_side_by_side_are_named(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf).add_step("fan", "parallel", {"steps": ["a", "b", "x"], "max_parallel": 0})
    workflow.add_step("a", "chat", next_steps=["b"])
    workflow.add_step("b", "condition", {"cases": {"x": "a"}})
    problems = " ".join(workflow.validate())
    for word in ("'x', which is no step", "'a' must have no next_steps", "'b' is a condition", "max_parallel"):
        assert word in problems
    assert "must be a list" in " ".join(SmartflowWorkflow(sf).add_step("fan", "parallel", {"steps": "ab"}).validate())


async def test_the_entry_can_be_chosen(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("last", "function", {"function": str.upper, "input": "{output}"})
    workflow.add_step("first", "function", {"function": str.strip, "input": "{input}"}, ["last"])
    result = await workflow.set_entry("first").execute({"input": "  hello "})
    assert result.steps_executed == ["first", "last"]
    assert result.output == "HELLO"
    with pytest.raises(ValidationError, match="no step 'nowhere'"):
        workflow.set_entry("nowhere")


async def test_a_workflow_can_be_run_again(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf).add_step("up", "function", {"function": str.upper, "input": "{input}"})
    assert [(await workflow.execute(text)).output for text in ("a", "b")] == ["A", "B"]


async def test_an_empty_workflow_says_so(sf: SmartflowClient) -> None:
    result = await SmartflowWorkflow(sf).execute({"input": "Hello"})
    assert result.success is False
    assert "no entry step" in result.errors[0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"name": "a", "action": "chat"}, "already"),
        ({"name": "input", "action": "chat"}, "cannot be called"),
        ({"name": "b", "action": "chat", "next_steps": "a"}, "must be a list"),
        ({"name": "b", "action": "chat", "config": "x"}, "must be a dict"),
    ],
)
async def test_a_wrong_step_is_refused(sf: SmartflowClient, arguments: Dict[str, Any], word: str) -> None:
    workflow = SmartflowWorkflow(sf).add_step("a", "chat")
    with pytest.raises(ValidationError, match=word):
        workflow.add_step(**arguments)


@pytest.mark.parametrize(
    ("action", "config", "word"),
    [
        ("chat", {"prompt": 5}, "'prompt' must be a string"),
        ("chat", {"model": ""}, "'model' must be a string, not empty"),
        ("chat", {"temperature": "hot"}, "'temperature' must be a number from 0 to 2"),
        ("chat", {"max_tokens": 0}, "'max_tokens' must be a whole number"),
        ("chat", {"timeout": 0}, "'timeout' must be"),
        ("chat", {"retries": True}, "'retries' must be"),
        ("chat", {"promt": "Hi"}, "config has 'promt'"),
        ("compliance_check", {"policy": None}, "'policy' must be"),
        ("compliance_check", {"on_violation": "ignore"}, "'fail' or 'continue'"),
        ("condition", {}, "config needs 'cases'"),
        ("condition", {"cases": {"a": ["b"]}}, "'cases' must be a dict of strings"),
        ("condition", {"cases": {1: "only"}}, "'cases' must be a dict of strings"),
        ("function", {"function": "len"}, "'function' must be something that can be called"),
        ("agent", {"agent": None}, "'agent' must be a SmartflowAgent"),
        ("workflow", {"workflow": "other"}, "'workflow' must be a SmartflowWorkflow"),
        ("wait", {"seconds": -1}, "'seconds' must be"),
    ],
)
async def test_a_config_that_does_not_fit_is_named_before_anything_is_run(
    sf: SmartflowClient, action: str, config: Dict[str, Any], word: str
) -> None:
    result = await SmartflowWorkflow(sf).add_step("only", action, config).execute({"input": "Hello"})
    assert (result.success, result.steps_executed) == (False, [])
    assert word in result.errors[0]


@pytest.mark.parametrize("names", [{"next_steps": [["a"]]}, {"next_steps": [3]}, {"on_error": {"a": 1}}])
async def test_what_is_no_name_of_a_step_is_no_step(sf: SmartflowClient, names: Dict[str, Any]) -> None:
    result = await SmartflowWorkflow(sf).add_step("only", "chat", **names).execute({"input": "Hello"})
    assert "which is no step" in result.errors[0]


async def test_a_workflow_that_runs_itself_fails(sf: SmartflowClient) -> None:
    workflow = SmartflowWorkflow(sf)
    workflow.add_step("again", "workflow", {"workflow": workflow, "input": "{input}"})
    result = await workflow.execute("Hello")
    assert result.success is False
    assert "does it run itself?" in result.errors[0]


async def test_variables_have_names(sf: SmartflowClient) -> None:
    bad: Any = {1: "x"}
    with pytest.raises(ValidationError, match="strings as names"):
        await SmartflowWorkflow(sf).add_step("only", "chat").execute(bad)
