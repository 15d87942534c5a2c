"""How a condition of a workflow finds its case."""

from __future__ import annotations

import re
from typing import Any, Mapping, Optional

from .templates import as_text

__all__ = ["matching_case", "normalised"]

_OUTER = re.compile(r"^[\W_]+|[\W_]+$")


def normalised(value: Any) -> str:
    """What is compared: without case, outer punctuation and runs of spaces, so `Billing.` is `billing`."""
    return " ".join(_OUTER.sub("", as_text(value)).casefold().split())


def matching_case(value: Any, cases: Mapping[str, Any]) -> Optional[str]:
    """The case that a value belongs to, or None.

    A case that equals the value wins, exactly or normalised. Otherwise it is the one case that stands in the text as
    whole words; when several do, the text does not decide.
    """
    text = as_text(value)
    if text in cases:
        return text
    wanted = normalised(value)
    equal = [case for case in cases if normalised(case) == wanted]
    if equal:
        return equal[0]
    named = [case for case in cases if normalised(case) and _stands_in(normalised(case), wanted)]
    return named[0] if len(named) == 1 else None


def _stands_in(case: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(case)}(?!\w)", text) is not None
