"""What a call costs by the dated price list in prices.json; a model that is not in it costs 0."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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
    return float(prompt_tokens * price["input"] + completion_tokens * price["output"]) / _MILLION


def has_price(model: str) -> bool:
    """Whether the price list has the model."""
    return any(_price(model, table) is not None for table in ("models", "images", "speech", "transcription"))


def media_usd(model: str, request: Mapping[str, Any], seconds: float = 0.0) -> float:
    """The estimated price in US dollars of the pictures or the speech that a request asks for, or of a recording of so many seconds."""
    images = _price(model, "images")
    if images is not None:
        return _picture_usd(images, request) * int(request.get("n") or 1)
    speech, heard = _price(model, "speech"), _price(model, "transcription")
    if speech is not None:
        return len(str(request.get("input") or "")) * float(speech["million_characters"]) / _MILLION
    return seconds / 60 * float(heard["minute"]) if heard is not None else 0.0


def _picture_usd(images: Mapping[str, Any], request: Mapping[str, Any]) -> float:
    """What the list does not have, such as `auto`, costs what the dearest picture does: too much rather than nothing."""
    quality, size = request.get("quality") or images["default"], request.get("size") or "1024x1024"
    dearest = max(price for sizes in images["prices"].values() for price in sizes.values())
    return float(images["prices"].get(quality, {}).get(size, dearest))


def _price(model: str, table: str = "models") -> dict[str, Any] | None:
    name = model.rsplit("/", 1)[-1]
    models: dict[str, dict[str, Any]] = _table()[table]
    return models.get(name) or models.get(_RELEASE.sub("", name))
