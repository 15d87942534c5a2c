"""An agent: a conversation with memory, whose messages are scanned on both sides."""

import asyncio

from smartflow import ComplianceError, SmartflowAgent, SmartflowClient

INSTRUCTIONS = """You support people who write software.

- Be patient, and go step by step.
- Ask when something is not clear.
- Never ask for anything personal, and never repeat it."""


async def main() -> None:
    async with SmartflowClient() as sf:
        agent = SmartflowAgent(
            client=sf,
            name="TechSupport",
            model="gpt-4o",
            system_prompt=INSTRUCTIONS,
            temperature=0.7,
            compliance_policy="enterprise_standard",
            enable_compliance_scan=True,
            user_id="support_session_123",
            org_id="tech_company",
        )
        print(await agent.chat("My application keeps crashing"))
        print(await agent.chat("It is a web application that uses Flask"))
        print(await agent.chat("The error is a MemoryError", scan_input=True, scan_output=True))
        print(f"messages: {agent.message_count}")
        try:
            await agent.chat("My card is 4111-1111-1111-1111")
        except ComplianceError as error:
            print(f"blocked: {error.violations}, history: {[each['role'] for each in agent.get_history()]}")
        agent.clear_history()
        print(f"after clearing: {agent.message_count}")


if __name__ == "__main__":
    asyncio.run(main())
