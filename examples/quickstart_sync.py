"""Chat, embeddings and cache statistics, without asyncio.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python quickstart_sync.py
"""

import sys

from smartflow import SmartflowError, SyncSmartflowClient


def main() -> None:
    with SyncSmartflowClient() as sf:
        print(sf.chat("Name a sorting algorithm", system_prompt="Answer with one word.", max_tokens=200))

        documents = ["How to return a parcel", "Opening hours of the shop"]
        ranked = sf.rerank("I want to send my parcel back", documents, top_n=1)
        print(f"best document: {documents[ranked['results'][0]['index']]}")

        vectors = sf.embeddings(documents, dimensions=256)["data"]
        print(f"vectors: {len(vectors)} of {len(vectors[0]['embedding'])} numbers")

        stats = sf.get_cache_stats()
        print(f"cache: {stats.hits} hits, {stats.misses} misses, {stats.tokens_saved} tokens saved")


if __name__ == "__main__":
    try:
        main()
    except SmartflowError as error:
        sys.exit(f"quickstart_sync: {type(error).__name__}: {error}")
