"""A support chat for a bank: card numbers and other personal data never reach a model, and every call is in the audit log.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python support_bot.py [customer] [organization]
"""

import asyncio
import os
import sys

from smartflow import ComplianceError, SmartflowAgent, SmartflowClient, SmartflowError

INSTRUCTIONS = """You support the customers of a bank.

- Never ask for a whole card number, a social security number or a password.
- When a customer tells one, say that it has arrived, and never repeat it.
- Identify customers by the last four digits only.
- Offer the secure form for anything that is sensitive."""


class SecureCustomerSupportBot:
    """Remembers the conversation, scans both sides of it by the rules for card data, and speaks for one customer."""

    def __init__(self, smartflow_url: str) -> None:
        self.sf_url = smartflow_url

    async def handle_customer_session(self, customer_id: str, organization: str) -> None:
        """Answer line by line until the customer writes `quit` or leaves."""
        async with SmartflowClient(self.sf_url) as sf:
            agent = SmartflowAgent(
                client=sf,
                name="SecureSupport",
                model="gpt-4o",
                system_prompt=INSTRUCTIONS,
                compliance_policy="pci_dss_strict",
                enable_compliance_scan=True,
                user_id=f"customer_{customer_id}",
                org_id=organization,
            )
            print("SecureSupport: Hello! How can I help you today?")
            while (text := await asyncio.to_thread(read_line)).lower() != "quit":
                if text:
                    print(f"SecureSupport: {await self.reply(agent, text)}")
            print(f"SecureSupport: Goodbye! ({agent.message_count} messages, {agent.usage.total_tokens} tokens)")

    async def reply(self, agent: SmartflowAgent, text: str) -> str:
        """The agent's answer, or what the customer is told when a message or an answer must not go on."""
        try:
            return await agent.chat(text)
        except ComplianceError as error:
            kinds = ", ".join(error.violations)
            return f"Your message was not passed on, because it holds {kinds}. Please use our secure form instead."


def read_line() -> str:
    """What the customer writes; the end of the input is a goodbye, too."""
    try:
        return input("Customer: ").strip()
    except EOFError:
        return "quit"


async def main(customer_id: str = "12345", organization: str = "fintech_corp") -> None:
    bot = SecureCustomerSupportBot(os.environ.get("SMARTFLOW_GATEWAY_URL", "http://localhost:7775"))
    await bot.handle_customer_session(customer_id=customer_id, organization=organization)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except SmartflowError as error:
        sys.exit(f"support_bot: {type(error).__name__}: {error}")
