"""Adds up what the calls of a run used."""

from __future__ import annotations

import math
from typing import Mapping, Optional

from ..types.chat import AIResponse, Usage

__all__ = ["Spending", "cost_cents_of", "told_cost_cents"]

_COST = "x-smartflow-cost-usd"


def told_cost_cents(headers: Mapping[str, str]) -> Optional[float]:
    """The estimated cost in US cents that the headers of an answer tell, or None."""
    try:
        dollars = float(headers.get(_COST, "nan"))
    except ValueError:
        return None
    return dollars * 100 if math.isfinite(dollars) and dollars >= 0 else None


def cost_cents_of(answer: AIResponse) -> float:
    """The estimated cost of an answer in US cents; 0 when nobody told it, as in direct mode."""
    return told_cost_cents(answer.headers) or 0.0


class Spending:
    """Tokens and cost of several calls together."""

    def __init__(self) -> None:
        self.usage = Usage()
        self.cost_cents = 0.0

    def add(self, usage: Usage, cost_cents: float) -> None:
        """Count one call, or the sum of some."""
        old = self.usage
        self.usage = Usage(
            prompt_tokens=old.prompt_tokens + usage.prompt_tokens,
            completion_tokens=old.completion_tokens + usage.completion_tokens,
            total_tokens=old.total_tokens + usage.total_tokens,
            cached_tokens=old.cached_tokens + usage.cached_tokens,
        )
        self.cost_cents += cost_cents

    def add_answer(self, answer: AIResponse) -> None:
        """Count the call that gave this answer."""
        self.add(answer.usage, cost_cents_of(answer))

    def usage_of_others(self, total_tokens: int, cost_cents: float) -> None:
        """Count a run of which only the sums are known."""
        self.add(Usage(total_tokens=total_tokens), cost_cents)
