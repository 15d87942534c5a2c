"""The first program, async; caching, scans, failover and the audit log need no further line."""

import asyncio
import os

from smartflow import SmartflowClient


async def main() -> None:
    gateway, key = os.environ["SMARTFLOW_GATEWAY_URL"], os.environ.get("SMARTFLOW_API_KEY")
    async with SmartflowClient(gateway, api_key=key) as sf:
        response = await sf.chat("Explain quantum computing in simple terms")
        print(response)


asyncio.run(main())
