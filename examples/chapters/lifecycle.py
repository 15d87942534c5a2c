"""Make a client, use it, close it; all arguments that the documentation names."""

import asyncio
import os
from urllib.parse import urlsplit

from smartflow import SmartflowClient

URL = os.environ["SMARTFLOW_GATEWAY_URL"]
KEY = os.environ.get("SMARTFLOW_API_KEY")


async def closed_by_itself() -> None:
    async with SmartflowClient(URL, api_key=KEY) as sf:
        print((await sf.health())["status"])
    print(f"closed: {sf.closed}")


async def closed_by_hand() -> None:
    sf = SmartflowClient(URL, api_key=KEY)
    await sf._ensure_client()
    print(await sf.chat("Hello"))
    await sf.close()
    print(f"closed: {sf.closed}")


async def with_all_arguments() -> None:
    sf = SmartflowClient(
        base_url=URL,  # the proxy
        api_key=KEY,  # a virtual key
        timeout=30.0,  # seconds for a whole call
        management_port=7778,  # health, log, routing
        compliance_port=7777,  # scans
        bridge_port=3500,  # the logs of all instances
    )
    async with sf:
        ports = [urlsplit(url).port for url in (sf.management_url, sf.compliance_url, sf.bridge_url)]
        print(f"ports: {ports}, rows of all instances: {len(await sf.get_logs_hybrid()) >= 0}")


async def from_the_environment() -> None:
    sf = SmartflowClient(
        base_url=os.environ["SMARTFLOW_GATEWAY_URL"],
        api_key=os.environ.get("SMARTFLOW_API_KEY"),
    )
    async with sf:
        print(f"mode: {sf.mode}")


async def main() -> None:
    await closed_by_itself()
    await closed_by_hand()
    await with_all_arguments()
    await from_the_environment()


if __name__ == "__main__":
    asyncio.run(main())
