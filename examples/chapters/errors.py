"""Errors: which one means what, and what to do about it."""

import asyncio
import os

from smartflow import (
    ComplianceError,
    ConnectionError,
    RateLimitError,
    SmartflowClient,
    SmartflowError,
    TimeoutError,
)

URL = os.environ["SMARTFLOW_GATEWAY_URL"]


async def ask(text: str, sf: SmartflowClient) -> None:
    try:
        async with sf:
            print(f"answer: {await sf.chat(text)}")
    except ConnectionError as error:
        print(f"not reached: {error}")
    except ComplianceError as error:
        print(f"blocked: {error.violations}: {error}")
    except RateLimitError as error:
        print(f"too fast: try again in {error.retry_after:.0f} s")
    except TimeoutError as error:
        print(f"too slow: {error}")
    except SmartflowError as error:
        print(f"other: {type(error).__name__}: {error}")


async def limited_key() -> str:
    """A key that may ask once a minute."""
    async with SmartflowClient() as sf:
        made = await sf.create_virtual_key("example", rpm_limit=1)
    return made.key


async def main() -> None:
    await ask("Hello!", SmartflowClient(max_retries=0))
    await ask("Hello!", SmartflowClient("http://127.0.0.1:1", max_retries=0))
    guarded = {"x-smartflow-compliance": "block"}
    await ask("My card is 4111-1111-1111-1111", SmartflowClient(default_headers=guarded))
    key = await limited_key()
    for _ in range(2):
        await ask("Hello again!", SmartflowClient(URL, api_key=key, max_retries=0))
    await ask("Be quick!", SmartflowClient(timeout=0.000001))
    await ask("Hello!", SmartflowClient(URL, api_key="sk-sf-wrong"))


if __name__ == "__main__":
    asyncio.run(main())
