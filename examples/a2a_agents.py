"""Ask an agent behind the gateway what it can do, and give it a task that can be followed through all hops.

The SDK has no methods for this: any HTTP client will do. Start a gateway with an agent `summarizer-agent`, then:
SMARTFLOW_GATEWAY_URL=http://localhost:7775 python a2a_agents.py
"""

import asyncio
import os
import sys
import uuid

import httpx

GATEWAY = os.environ.get("SMARTFLOW_GATEWAY_URL", "http://localhost:7775")
HEADERS = {"Authorization": f"Bearer {os.environ.get('SMARTFLOW_API_KEY', 'sk-sf-example')}"}


async def card(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{GATEWAY}/a2a/summarizer-agent/.well-known/agent.json", headers=HEADERS)
    answer.raise_for_status()
    described = answer.json()
    print(described["name"], described["capabilities"])


async def task(client: httpx.AsyncClient) -> None:
    response = await client.post(
        f"{GATEWAY}/a2a/summarizer-agent",
        headers={
            **HEADERS,
            "Content-Type": "application/json",
            "x-a2a-trace-id": f"trace-{uuid.uuid4()}",  # the same for every agent that works on this
        },
        json={
            "id": str(uuid.uuid4()),
            "message": {"role": "user", "parts": [{"type": "text", "text": "Summarise the minutes of Monday."}]},
        },
    )
    response.raise_for_status()
    result = response.json()
    print(result["result"]["parts"][0]["text"])


async def main() -> None:
    async with httpx.AsyncClient() as client:
        await card(client)
        await task(client)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except httpx.HTTPStatusError as error:
        sys.exit(f"a2a_agents: {error.response.status_code}: {error.response.json()['error']['message']}")
    except httpx.TransportError as error:
        sys.exit(f"a2a_agents: ConnectionError: {GATEWAY} cannot be reached: {error}")
