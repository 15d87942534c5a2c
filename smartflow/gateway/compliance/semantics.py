"""Layer two: how near a text is to violation patterns, built in and learned.

A text is cut into sentences and these into windows of a few words. Each window and each known sentence is a sparse vector of
word stems, concepts and neighbouring pairs; nearness is their cosine. The nearest known sentence decides: when it is a
harmless one, or none is near enough, nothing is found. Every step costs a bounded time per word.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml

from smartflow.gateway.compliance.finding import CATEGORIES, KINDS
from smartflow.gateway.offline.words import STOPWORDS, stem

_FILE = Path(__file__).parent / "patterns.yaml"
THRESHOLD: Final = 0.58
_WINDOWS = (4, 8, 14)
_PAIR, _CONCEPT, _PLAIN, _FUNCTION, _VALUE, _DIGITS = 0.6, 1.5, 1.0, 1.2, 1.5, 0.8
_PLACEHOLDERS = {kind.placeholder: f"#{kind.name}" for kind in KINDS.values()}
_TOKEN = re.compile(r"\[[A-Z_]{3,20}\]|[^\W_]{1,40}|[.!?\n;]")
_ENDS = frozenset(".!?\n;")
_HAS_DIGIT = re.compile(r"\d")
# These words turn a sentence round or make it a question about a thing instead of the thing; they must not be lost.
_KEPT = frozenset({"not", "how", "what", "my", "is", "no", "without", "never"})
_PAIR_SQUARE = _PAIR * _PAIR

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Known:
    """One known sentence: of a pattern, or harmless (`category` is None)."""

    category: str | None
    pattern: str
    features: Features


@dataclass(frozen=True, slots=True)
class Match:
    """A window of a text and the known sentence that it is nearest to."""

    category: str
    pattern: str
    similarity: float
    features: Features


@lru_cache(maxsize=8192)  # bounded, because the words of a text are the sender's choice
def _word(token: str) -> str | None:
    lowered = token.casefold()
    if lowered in STOPWORDS and lowered not in _KEPT:
        return None
    root = stem(lowered)
    return _concepts().get(root) or _concepts().get(lowered) or root


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return data


@cache
def _concepts() -> dict[str, str]:
    return {stem(word): f"@{concept}" for concept, words in _data()["concepts"].items() for word in (*words, concept)}


def sentences(text: str) -> Iterator[list[str]]:
    """The meaningful tokens of each sentence of a redacted text."""
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in _ENDS:
            if tokens:
                yield tokens
            tokens = []
        elif token in _PLACEHOLDERS:
            tokens.append(_PLACEHOLDERS[token])
        elif _HAS_DIGIT.search(token):
            tokens.append("#digits")
        elif word := _word(token):
            tokens.append(word)
    if tokens:
        yield tokens


def features(tokens: list[str]) -> dict[str, float]:
    """The vector of some tokens, of length 1."""
    counted: dict[str, float] = {}
    for token in tokens:
        counted[token] = _weight(token)
        if token[0] == "#":
            counted["#digits"] = _DIGITS
    for left, right in pairwise(tokens):
        counted[f"{left} {right}"] = _PAIR
    length = math.sqrt(sum(weight * weight for weight in counted.values())) or 1.0
    return {name: weight / length for name, weight in counted.items()}


def _weight(name: str) -> float:
    if name == "#digits":
        return _DIGITS
    if name[0] == "#":
        return _VALUE
    if name[0] == "@":
        return _CONCEPT
    return _FUNCTION if name in _KEPT else _PLAIN


@lru_cache(maxsize=8192)
def _square(name: str) -> float:
    return _weight(name) ** 2


def windows(tokens: list[str]) -> Iterator[list[str]]:
    """Overlapping stretches of a sentence, short and long."""
    for size in _WINDOWS:
        if len(tokens) <= size:
            yield tokens
            return
        for start in range(0, len(tokens) - size // 2, size // 2):
            yield tokens[start : start + size]


def around(tokens: list[str], token: str) -> list[str]:
    """The longer window of a sentence around the first place of a token."""
    start = max(0, tokens.index(token) - _WINDOWS[-1] // 2)
    return tokens[start : start + _WINDOWS[-1]]


class Index:
    """Known sentences, found by the features that they share with a window."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._known = list(known)
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, one in enumerate(self._known):
            for name, weight in one.features.items():
                self._postings[name].append((place, weight))

    def __len__(self) -> int:
        return len(self._known)

    def may_be_near(self, tokens: list[str]) -> bool:
        """False when too small a part of a window is known here for a cosine at the threshold; cheap to find out."""
        known, whole, last = 0.0, 0.0, False
        for token in tokens:
            square = _square(token)
            shared = token in self._postings
            whole += square + _PAIR_SQUARE
            if shared:
                known += square + (_PAIR_SQUARE if last else 0.0)
            last = shared
        return known >= THRESHOLD * THRESHOLD * (whole - _PAIR_SQUARE)

    def nearest(self, vector: Features) -> tuple[Known, float] | None:
        """The known sentence with the highest cosine, and the cosine."""
        sums: dict[int, float] = defaultdict(float)
        for name, weight in vector.items():
            for place, other in self._postings.get(name, ()):
                sums[place] += weight * other
        if not sums:
            return None
        place = max(sums, key=lambda one: (sums[one], -one))
        return self._known[place], min(1.0, sums[place])


@cache
def builtin() -> Index:
    """The patterns of the data file."""
    known = [
        Known(pattern["category"], pattern["name"], vector)
        for pattern in _data()["patterns"]
        for text in pattern["texts"]
        for vector in _vectors(text)
    ]
    assert all(one.category in CATEGORIES for one in known)
    return Index(
        [*known, *(Known(None, "harmless", vector) for text in _data()["harmless"] for vector in _vectors(text))]
    )


def _vectors(text: str) -> list[dict[str, float]]:
    return [features(tokens) for tokens in sentences(text)]


def builtin_categories() -> list[str]:
    """The category of each built-in pattern."""
    return [pattern["category"] for pattern in _data()["patterns"]]


def matches(
    redacted: str, wanted: Iterable[str], learned: Index | None = None, disguise: Callable[[Features], Features] = dict
) -> list[Match]:
    """What a redacted text resembles, of the wanted categories: the most similar window of each pattern, nearest first.

    `learned` holds sentences whose features are disguised; `disguise` does the same to those of the text.
    """
    categories = frozenset(wanted)
    best: dict[str, Match] = {}
    for tokens in sentences(redacted):
        for window in windows(tokens):
            if learned is None and not builtin().may_be_near(window):
                continue
            vector = features(window)
            found = builtin().nearest(vector)
            taught = learned.nearest(disguise(vector)) if learned else None
            if taught and (found is None or taught[1] >= found[1]):
                found = taught
            if found is None or found[1] < THRESHOLD or found[0].category not in categories:
                continue
            known, similarity = found
            if known.pattern not in best or similarity > best[known.pattern].similarity:
                best[known.pattern] = Match(str(known.category), known.pattern, similarity, vector)
    return sorted(best.values(), key=lambda one: (-one.similarity, one.pattern))
