"""Ask one question twice, then three at the same time.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python quickstart_async.py
"""

import asyncio
import sys

from smartflow import SmartflowClient, SmartflowError


async def main() -> None:
    async with SmartflowClient() as sf:
        question = [{"role": "user", "content": "What does a container share with its host?"}]
        for attempt in ("first", "second"):
            answer = await sf.chat_completions(question, model="gpt-4o-mini")
            source = "from the cache" if answer.cached else f"from {answer.provider}"
            print(f"{attempt} answer, {source}, {answer.usage.total_tokens} tokens: {answer.content}")

        words = ("gateway", "cache", "audit log")
        meanings = await asyncio.gather(*(sf.chat(f"Explain in one sentence: {word}") for word in words))
        for word, meaning in zip(words, meanings):
            print(f"{word}: {meaning}")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except SmartflowError as error:
        sys.exit(f"quickstart_async: {type(error).__name__}: {error}")
