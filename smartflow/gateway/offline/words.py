"""Splits text into comparable words: lower case, lightly stemmed, without the commonest words."""

from __future__ import annotations

import re

# Scripts without spaces count each character as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

STOPWORDS = frozenset(
    """
    a about all also an and any are as at be been but by can could do does for from had has have how i if in into
    is it its just let like make me more my no not now of on one or our out please say should some take tell that
    the their them then there these they this those to two up us was we were what when where which who will with
    would you your
    """.split()
)
# Every second tool has these in its name or description, so that they tell nothing about which one is meant.
TOOL_STOPWORDS = STOPWORDS | frozenset(
    "call data function get give given new result return returns set show tool tools use used user using value".split()
)


def words(text: str) -> list[str]:
    """The words of the text in order, in lower case."""
    return _WORD.findall(text.casefold())


def stem(word: str) -> str:
    """The word without its commonest English endings; short words stay as they are."""
    if word.endswith("ss"):
        return word
    for ending, kept in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("edly", ""), ("ed", ""), ("ly", ""), ("s", "")):
        root = word[: -len(ending)] + kept
        if word.endswith(ending) and len(root) >= 3:
            return root if kept else _bare(root)
    return _bare(word)


def _bare(root: str) -> str:
    if len(root) <= 3:
        return root
    return root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root.rstrip("e")


def terms(text: str, without: frozenset[str] = STOPWORDS) -> list[str]:
    """The stems of the words that carry meaning; all stems when nothing else is left."""
    found = words(text)
    return [stem(word) for word in found if word not in without] or [stem(word) for word in found]


def name_words(name: str) -> list[str]:
    """The words of an identifier: 'getWeather_now' gives get, weather, now."""
    return words(_CAMEL.sub(" ", name))
