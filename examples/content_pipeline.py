"""Product descriptions for a catalogue: what was written before comes from the cache, and the savings are counted.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python content_pipeline.py
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Any

from smartflow import SmartflowClient, SmartflowError


@dataclass
class Product:
    """One entry of the catalogue."""

    id: str
    name: str
    category: str
    features: list[str]
    price: float


CATALOGUE = [
    Product("SKU001", "Over-ear headphones", "Electronics", ["noise cancelling", "40 hours of battery"], 149.99),
    Product("SKU002", "In-ear headphones", "Electronics", ["water resistant", "charging case"], 99.50),
    Product("SKU003", "Gaming headset", "Electronics", ["surround sound", "detachable microphone"], 89.00),
    # The same thing again, as another seller lists it: it costs nothing.
    Product("SKU101", "Over-ear headphones", "Electronics", ["noise cancelling", "40 hours of battery"], 149.99),
]


class ContentGenerationPipeline:
    """Asks a small model in always the same form, so that equal products are answered by the cache."""

    def __init__(self, smartflow_url: str) -> None:
        self.sf_url = smartflow_url

    async def generate_description(self, sf: SmartflowClient, product: Product) -> dict[str, Any]:
        """Return a description, whether it was cached, and its tokens."""
        prompt = "\n".join(
            (
                "Describe this product for a shop in two or three sentences that end with an invitation to buy.",
                f"Category: {product.category}",
                f"Product: {product.name}",
                f"Features: {', '.join(product.features)}",
                f"Price: ${product.price:.2f}",
            )
        )
        response = await sf.chat_completions(
            messages=[{"role": "user", "content": prompt}],
            model="gpt-4o-mini",
            temperature=0.7,
        )
        return {
            "product_id": product.id,
            "description": response.content,
            "cached": response.cached,
            "tokens": response.usage.total_tokens,
        }

    async def process_catalog(self, products: list[Product]) -> dict[str, Any]:
        """Return all descriptions, and a summary of what they took and saved."""
        async with SmartflowClient(self.sf_url) as sf:
            before = await sf.get_cache_stats()
            results = []
            for number, product in enumerate(products, 1):
                results.append(await self.generate_description(sf, product))
                if number % 10 == 0:
                    print(f"{number} of {len(products)} products")
            after = await sf.get_cache_stats()
        cached = sum(result["cached"] for result in results)
        return {
            "results": results,
            "summary": {
                "total_products": len(products),
                "cache_hit_rate": f"{cached / len(products) if products else 0:.1%}",
                "tokens_used": sum(result["tokens"] for result in results),
                "tokens_saved": after.tokens_saved - before.tokens_saved,
                "cost_saved": f"${(after.cost_saved_cents - before.cost_saved_cents) / 100:.2f}",
            },
        }


async def main() -> None:
    pipeline = ContentGenerationPipeline(os.environ.get("SMARTFLOW_GATEWAY_URL", "http://localhost:7775"))
    result = await pipeline.process_catalog(CATALOGUE)
    for each in result["results"]:
        source = "cache" if each["cached"] else f"{each['tokens']} tokens"
        print(f"{each['product_id']} ({source}): {each['description']}")
    summary = result["summary"]
    print(f"products: {summary['total_products']}, from the cache: {summary['cache_hit_rate']}")
    print(f"tokens used: {summary['tokens_used']:,}, saved: {summary['tokens_saved']:,}, worth {summary['cost_saved']}")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except SmartflowError as error:
        sys.exit(f"content_pipeline: {type(error).__name__}: {error}")
