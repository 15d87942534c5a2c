"""What a call costs by the dated price list in prices.json; a model that is not in it costs 0."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

# Providers add the release date to a model's name; the price is that of the name without it.
_RELEASE = re.compile(r"(-\d{4}-\d{2}-\d{2}|-\d{8}|-latest|@[\w.-]+)$")
_MILLION = 1_000_000


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return table


def prices_as_of() -> str:
    """The date of the price list, as YYYY-MM-DD."""
    return str(_table()["as_of"])


def cost_usd(model: str, prompt_tokens: int, completion_tokens: int) -> float:
    """The estimated price in US dollars of a call to `model` (with or without its provider prefix)."""
    price = _price(model)
    if price is None:
        return 0.0
    return (prompt_tokens * price["input"] + completion_tokens * price["output"]) / _MILLION


def has_price(model: str) -> bool:
    """Whether the price list has the model."""
    return _price(model) is not None


def _price(model: str) -> dict[str, float] | None:
    name = model.rsplit("/", 1)[-1]
    models: dict[str, dict[str, float]] = _table()["models"]
    return models.get(name) or models.get(_RELEASE.sub("", name))
