"""Chat: a text for a text, whole answers, streams, and Claude's own format."""

import asyncio

from smartflow import SmartflowClient


async def text_for_text(sf: SmartflowClient) -> None:
    print(await sf.chat("Explain Docker containers"))
    print(
        await sf.chat(
            message="Write a function that sorts a list",
            model="gpt-4o",
            system_prompt="You write Python that is easy to read.",
            temperature=0.3,
            max_tokens=1000,
        )
    )


async def whole_answer(sf: SmartflowClient) -> None:
    response = await sf.chat_completions(
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is a REST API?"},
        ],
        model="gpt-4o",
    )
    print(response.content)
    print(f"tokens: {response.usage.total_tokens}, from the cache: {response.cached}")


async def in_pieces(sf: SmartflowClient) -> None:
    async for chunk in sf.stream_chat("Tell me a story about a robot"):
        print(chunk, end="", flush=True)
    print()


async def claude(sf: SmartflowClient) -> None:
    response = await sf.claude_message(
        message="Is this code safe? eval(input())",
        model="claude-sonnet-4-6",
        max_tokens=2000,
        system="You review code for security.",
    )
    print(response)


async def main() -> None:
    async with SmartflowClient() as sf:
        await text_for_text(sf)
        await whole_answer(sf)
        await in_pieces(sf)
        await claude(sf)


if __name__ == "__main__":
    asyncio.run(main())
