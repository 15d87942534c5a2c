"""Sort a file of customer reviews, one a line, with a bar, a budget and a journal: a run that was killed goes on where it was.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python batch.py reviews.txt
"""

import sys
from pathlib import Path
from typing import Optional

from smartflow import SmartflowError, SyncSmartflowClient

REVIEWS = ["The parcel came a week late", "Best tea that I ever had", "The lid was broken"]


def main(reviews: list[str], journal: Optional[Path] = None) -> int:
    with SyncSmartflowClient() as sf:
        batch = sf.map_chat(
            reviews,
            model="gpt-4o-mini",
            system_prompt="Answer with one word: praise, complaint or question.",
            concurrency=16,
            budget=5.0,
            progress=True,
            resume=journal,
        )
    if batch.summary.succeeded == 0:
        batch.raise_for_failures()
    for each in batch.items:
        print(f"{each.item}: {each.result.content if each.result else each.error}")
    summary = batch.summary
    print(f"{summary.succeeded} of {summary.total} sorted, {summary.resumed} of them in earlier runs")
    print(
        f"{summary.usage.total_tokens} tokens, {summary.cost_cents:.4f} cents, {summary.cache_hit_rate:.0%} from the cache"
    )
    return 1 if batch.failures else 0


if __name__ == "__main__":
    try:
        if len(sys.argv) > 1:
            file = Path(sys.argv[1])
            lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
            sys.exit(main(lines, file.with_suffix(".journal")))
        sys.exit(main(REVIEWS))
    except (SmartflowError, OSError) as error:
        sys.exit(f"batch: {type(error).__name__}: {error}")
