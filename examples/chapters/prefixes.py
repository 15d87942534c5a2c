"""The name of a model leads to its provider: by itself for the large ones, by a prefix for all others."""

import asyncio

from smartflow import SmartflowClient

BOTH_MODES = (
    "gpt-4o",
    "openai/gpt-4o",
    "claude-sonnet-4-6",
    "anthropic/claude-3-5-haiku-20241022",
    "gemini-1.5-pro",
    "gemini/gemini-2.0-flash",
    "ollama/llama3",
    "ollama/mistral",
    "local/my-fine-tuned-model",
)
DETECTED = (
    "gpt-4o",
    "gpt-4o-mini",
    "o3-mini",
    "claude-sonnet-4-6",
    "claude-3-opus-20240229",
    "gemini-1.5-pro",
    "gemini-2.0-flash",
)
PREFIXED = (
    "xai/grok-2-latest",
    "mistral/mistral-large-latest",
    "cohere/command-r-plus",
    "groq/llama-3.1-70b-versatile",
    "openrouter/meta-llama/llama-3.1-405b",
    "ollama/llama3.2",
    "azure/my-gpt4o-deployment",
)


async def ask(sf: SmartflowClient, models: tuple[str, ...]) -> None:
    for model in models:
        reply = await sf.chat("Hello", model=model)
        answer = await sf.chat_completions([{"role": "user", "content": "Hello"}], model=model)
        print(f"{model}: {answer.provider}: {reply}")


async def main() -> None:
    async with SmartflowClient() as sf:
        await ask(sf, BOTH_MODES)
        await ask(sf, DETECTED)
        await ask(sf, PREFIXED)
        # Anthropic's own format, whatever the gateway would choose.
        reply = await sf.claude_message("Hello", model="claude-sonnet-4-6")
        print(f"native: {reply}")


if __name__ == "__main__":
    asyncio.run(main())
