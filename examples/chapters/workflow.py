"""A workflow: an analysis, a check, and a branch that the analysis decides."""

import asyncio

from smartflow import SmartflowClient, SmartflowWorkflow

CASES = {"positive": "enhance", "negative": "review", "neutral": "publish"}


def pipeline(sf: SmartflowClient) -> SmartflowWorkflow:
    workflow = SmartflowWorkflow(sf, name="ContentPipeline")
    workflow.add_step(
        name="analyze",
        action="chat",
        config={"prompt": "What is the tone of this text, and what does it want? {input}", "model": "gpt-4o-mini"},
        next_steps=["compliance_check"],
    )
    workflow.add_step(
        name="compliance_check",
        action="compliance_check",
        config={"content": "{input}"},
        next_steps=["route"],
    )
    workflow.add_step(
        name="route",
        action="condition",
        config={"field": "output", "cases": CASES, "default": "review"},
    )
    for name, task in (("enhance", "Make it shine"), ("review", "Say what is wrong"), ("publish", "Shorten it")):
        workflow.add_step(name=name, action="chat", config={"prompt": f"{task}: {{input}}", "temperature": 0.3})
    workflow.set_entry("analyze")
    return workflow


async def main() -> None:
    async with SmartflowClient() as sf:
        result = await pipeline(sf).execute({"input": "A positive surprise, better than I had hoped!"})
        print(f"success: {result.success}, errors: {result.errors}")
        print(f"path: {' -> '.join(result.steps_executed)}")
        print(f"output: {result.output}")
        print(
            f"time: {result.execution_time_ms:.0f} ms, tokens: {result.total_tokens}, cents: {result.total_cost_cents:.4f}"
        )


if __name__ == "__main__":
    asyncio.run(main())
