"""Print an answer while it is being written, and what it cost in tokens at its end.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python streaming.py "Tell me a story"
"""

import asyncio
import sys

from smartflow import SmartflowClient, SmartflowError, StreamInterruptedError


async def main(prompt: str) -> None:
    async with SmartflowClient() as sf:
        messages = [{"role": "user", "content": prompt}]
        async with await sf.chat_completions(messages, stream=True) as stream:
            async for chunk in stream:
                print(chunk.content, end="", flush=True)
        print()
        whole = stream.response
        print(f"[{whole.finish_reason}, {whole.usage.completion_tokens} tokens, request {stream.request_id}]")


if __name__ == "__main__":
    try:
        asyncio.run(main(" ".join(sys.argv[1:]) or "Tell me a story about a robot"))
    except StreamInterruptedError as error:
        sys.exit(f"\nstreaming: cut off after {len(error.partial_text)} characters: {error}")
    except SmartflowError as error:
        sys.exit(f"streaming: {type(error).__name__}: {error}")
