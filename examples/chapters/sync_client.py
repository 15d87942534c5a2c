"""The sync client: every method of the async one, without `await` and without an event loop."""

import os
from pathlib import Path

from smartflow import SyncSmartflowClient


def main() -> None:
    sf = SyncSmartflowClient(os.environ["SMARTFLOW_GATEWAY_URL"], api_key=os.environ.get("SMARTFLOW_API_KEY"))
    print(sf.chat("Hello!"))
    vectors = sf.embeddings("Hello", model="text-embedding-3-small")
    print(f"vectors: {len(vectors['data'])}")
    picture = sf.image_generation("A sunset", model="dall-e-3")
    print(f"images: {len(picture['data'])}")
    audio = sf.text_to_speech("Hello!", voice="nova")
    Path("audio.mp3").write_bytes(audio)
    with open("audio.mp3", "rb") as file:
        transcript = sf.audio_transcription(file, model="whisper-1")
    print(f"heard: {transcript['text']}")
    ranked = sf.rerank("What is the return policy?", ["Nothing about it", "The return policy is generous"])
    print(f"best: {ranked['results'][0]['index']}")
    stats = sf.get_cache_stats()
    print(f"misses: {stats.misses}")
    print(f"rows: {len(sf.get_logs(limit=20))}")
    sf.close()
    print(f"closed: {sf.closed}")


if __name__ == "__main__":
    main()
