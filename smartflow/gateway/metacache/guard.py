"""Says why two questions must not share an answer, however similar they are. Similarity alone is never enough: see `veto`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from smartflow.gateway.metacache.reading import Reading

_NEGATIONS = frozenset(
    {"not", "no", "never", "none", "without", "cannot", "nor", "neither", "nothing", "nobody", "except", "unless"}
)
_QUOTES = ('"', "'", "«", "„")


def veto(first: Reading, second: Reading) -> str | None:
    """The reason why two questions may not be near: `code`, `time`, `wording`, `numbers`, `negation`, `quotes`, `names`, `words` or `order`; None when they may.

    A reason stands for every content word that is not in both questions, and for every change of their order: what is left to similarity
    are the wordings that lexicon.json declares alike.
    """
    exact_only = first.exact_only or second.exact_only
    if exact_only:
        return exact_only
    one, two = first.meaning, second.meaning
    if one == two or first.intent == second.intent:
        return None
    for reason, belongs in (
        ("numbers", _is_number),
        ("negation", _is_negation),
        ("quotes", _is_quote),
        ("names", _is_name),
    ):
        if [word for word in one if belongs(word)] != [word for word in two if belongs(word)]:
            return reason
    return "order" if Counter(one) == Counter(two) else "words"


def signature(words: Sequence[str]) -> str:
    """A digest of words in their order: two questions with the same one have no veto between them."""
    return hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def _is_number(word: str) -> bool:
    return any(letter.isdigit() for letter in word) and not _is_quote(word)


def _is_negation(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def _is_quote(word: str) -> bool:
    return len(word) > 1 and word[0] in _QUOTES


def _is_name(word: str) -> bool:
    return word[:1].isupper()
