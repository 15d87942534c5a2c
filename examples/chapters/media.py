"""Embeddings, images, sounds, ranking, the list of models, and the gateway's own chatbot."""

import asyncio
from pathlib import Path

from smartflow import SmartflowClient


async def embeddings(sf: SmartflowClient) -> None:
    result = await sf.embeddings("Hello, world!")
    print(f"numbers: {len(result['data'][0]['embedding'])}")

    result = await sf.embeddings(["First text", "Second text", "Third text"])
    vectors = [item["embedding"] for item in result["data"]]
    print(f"vectors: {len(vectors)}")

    result = await sf.embeddings(
        ["what is asked", "what is searched"],
        model="cohere/embed-english-v3.0",
        input_type="search_document",
    )
    print(f"of cohere: {len(result['data'])}")

    result = await sf.embeddings("Hello", model="text-embedding-3-large", dimensions=256)
    print(f"short: {len(result['data'][0]['embedding'])}")


async def image(sf: SmartflowClient) -> None:
    result = await sf.image_generation(
        "A city of the future at sunrise",
        model="dall-e-3",
        size="1792x1024",
        quality="hd",
        style="vivid",
    )
    print(f"image: {result['data'][0]['url'][:60]}")


async def speak_and_listen(sf: SmartflowClient, folder: Path) -> None:
    audio = await sf.text_to_speech("Hello, this is Smartflow.", voice="nova")
    recording = folder / "recording.mp3"
    recording.write_bytes(audio)
    print(f"spoken: {len(audio)} bytes")

    with recording.open("rb") as file:
        result = await sf.audio_transcription(file, model="whisper-1")
    print(f"heard: {result['text']}")
    with recording.open("rb") as file:
        result = await sf.audio_transcription(file, model="groq/whisper-large-v3")
    print(f"heard by another: {result['text']}")


async def ranking(sf: SmartflowClient) -> None:
    documents = ["Returns are accepted for 30 days.", "Write to support@example.com."]
    result = await sf.rerank("How long are returns accepted?", documents, top_n=1)
    print(f"best: {documents[result['results'][0]['index']]}")


async def models(sf: SmartflowClient) -> None:
    for model in await sf.list_models():
        print(f"model: {model['id']}")


async def chatbot(sf: SmartflowClient) -> None:
    for question in (
        "show me today's cache stats",
        "which provider had the most errors this week?",
        "what did we spend on OpenAI yesterday?",
    ):
        result = await sf.chatbot_query(question)
        print(f"chatbot: {result['response']}")


async def main() -> None:
    async with SmartflowClient() as sf:
        await embeddings(sf)
        await image(sf)
        await speak_and_listen(sf, Path())
        await ranking(sf)
        await models(sf)
        await chatbot(sf)


if __name__ == "__main__":
    asyncio.run(main())
