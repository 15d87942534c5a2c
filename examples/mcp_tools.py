"""Find a tool of the gateway's MCP servers by what it does, call one, and see what the servers were used for.

The SDK has no methods for this: any HTTP client will do. Start a gateway with a server `github-tools`, then:
SMARTFLOW_GATEWAY_URL=http://localhost:7775 python mcp_tools.py
"""

import asyncio
import os
import sys

import httpx

GATEWAY = os.environ.get("SMARTFLOW_GATEWAY_URL", "http://localhost:7775")
HEADERS = {"Authorization": f"Bearer {os.environ.get('SMARTFLOW_API_KEY', 'sk-sf-example')}"}


async def search(client: httpx.AsyncClient) -> None:
    found = await client.get(
        f"{GATEWAY}/api/mcp/tools/search",
        params={"q": "create github issue", "k": 3},
        headers=HEADERS,
    )
    found.raise_for_status()
    for tool in found.json()["results"]:
        print(f"{tool['server_id']}.{tool['name']}: {tool['description']}")


async def call(client: httpx.AsyncClient) -> None:
    arguments = {"repo": "my-org/my-repo", "title": "Login fails on phones", "body": "Open the page, then sign in."}
    response = await client.post(
        f"{GATEWAY}/github-tools/mcp/",
        headers={**HEADERS, "Content-Type": "application/json"},
        json={
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "create_issue", "arguments": arguments},
        },
    )
    response.raise_for_status()
    print(response.json()["result"]["content"])


async def usage(client: httpx.AsyncClient) -> None:
    used = await client.get(f"{GATEWAY}/api/mcp/usage", headers=HEADERS)
    used.raise_for_status()
    for server in used.json()["servers"]:
        print(f"{server['server_id']}: {server['calls']} calls, ${server['cost_usd']:.4f}")


async def main() -> None:
    async with httpx.AsyncClient() as client:
        await search(client)
        await call(client)
        await usage(client)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except httpx.HTTPStatusError as error:
        sys.exit(f"mcp_tools: {error.response.status_code}: {error.response.json()['error']['message']}")
    except httpx.TransportError as error:
        sys.exit(f"mcp_tools: ConnectionError: {GATEWAY} cannot be reached: {error}")
