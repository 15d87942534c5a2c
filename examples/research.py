"""A research report by several agents, one after the other, with the audit trail of what they asked.

Start a gateway with `smartflow serve`, then:
SMARTFLOW_GATEWAY_URL=http://localhost:7775 python research.py [quick|standard|deep] [topic]
"""

import asyncio
import os
import sys
import uuid
from datetime import datetime
from typing import Any

from smartflow import SmartflowAgent, SmartflowClient, SmartflowError

TOPIC = "How AI agents change the development of business software"
DEPTHS = ("quick", "standard", "deep")
INSTRUCTIONS = {
    "Researcher": "You research thoroughly. List facts, recent developments, who matters and what is difficult, as bullet points.",
    "Analyst": "You think in strategies. Name patterns that are easy to miss, what follows from them, risks and chances.",
    "Writer": "You write for executives. Begin with findings and recommendations, and tell one coherent story.",
    "Editor": "You edit. Check the facts against the research, remove what is vague, and keep one tone.",
}


class ResearchOrchestrator:
    """Four agents with a task each: research, analysis, a report and, for deep research, an editor's last look."""

    def __init__(self, smartflow_url: str) -> None:
        self.sf_url = smartflow_url

    async def research_topic(self, topic: str, depth: str = "standard") -> dict[str, Any]:
        """Return the report with its agents; deep research also has an `audit_trail`."""
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {', '.join(DEPTHS)}, not {depth!r}")
        agents_used: list[str] = []
        result: dict[str, Any] = {"topic": topic, "timestamp": datetime.now().isoformat(), "agents_used": agents_used}
        conversation_id = f"research-{uuid.uuid4()}"
        async with SmartflowClient(self.sf_url) as sf:
            # One conversation for all agents: the audit log can tell which calls belong to this report.
            tracked = sf.with_options(conversation_id=conversation_id)

            async def ask(name: str, doing: str, message: str, **options: Any) -> str:
                print(f"{name}: {doing}...")
                agent = SmartflowAgent(
                    client=tracked,
                    name=name,
                    model="gpt-4o",
                    system_prompt=INSTRUCTIONS[name],
                    user_id="research_system",
                    org_id="analytics_dept",
                    **options,
                )
                agents_used.append(name)
                return await agent.chat(message)

            research = await ask("Researcher", f"gathering facts about {topic!r}", f"Research: {topic}")
            if depth == "quick":
                return {**result, "report": research}
            analysis = await ask("Analyst", "looking for patterns", f"Analyse this research.\n\n{research}")
            sources = f"RESEARCH:\n{research}\n\nANALYSIS:\n{analysis}"
            draft = await ask("Writer", "writing the report", f"Write an executive report from these.\n\n{sources}")
            if depth == "standard":
                return {**result, "report": draft}
            task = f"Edit this report.\n\n{draft}\n\nThe research behind it:\n{research}"
            report = await ask("Editor", "checking and polishing", task, temperature=0.3)
            logs = await sf.get_logs(limit=100, conversation_id=conversation_id)
            trail = [
                {"timestamp": log.timestamp, "model": log.model, "tokens": log.tokens_used, "cached": log.cached}
                for log in logs
                if log.content_type == "chat"  # the scans are there, too
            ]
            return {**result, "report": report, "audit_trail": trail}


async def main(depth: str = "deep", topic: str = TOPIC) -> None:
    orchestrator = ResearchOrchestrator(os.environ.get("SMARTFLOW_GATEWAY_URL", "http://localhost:7775"))
    result = await orchestrator.research_topic(topic=topic, depth=depth)
    print(f"\nTopic: {result['topic']}")
    print(f"Generated: {result['timestamp']}")
    print(f"Agents: {' -> '.join(result['agents_used'])}\n")
    print(result["report"])
    if "audit_trail" in result:
        print("\nAudit trail, newest first:")
    for entry in result.get("audit_trail", []):
        print(
            f"  {entry['timestamp']} {entry['model']}: {entry['tokens']} tokens{' (cached)' if entry['cached'] else ''}"
        )


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except (SmartflowError, ValueError) as error:
        sys.exit(f"research: {type(error).__name__}: {error}")
