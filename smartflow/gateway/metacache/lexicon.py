"""The words that MetaCache may treat alike, read once from lexicon.json."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Listed:
    """Words and phrases that a text may hold; `$` in a phrase is the end of the text."""

    words: frozenset[str]
    phrases: tuple[str, ...]

    def is_in(self, words: Sequence[str]) -> bool:
        """True when one of them is in a text of small letters."""
        text = f" {' '.join(words)} $ "
        return not self.words.isdisjoint(words) or any(phrase in text for phrase in self.phrases)


@dataclass(frozen=True)
class Lexicon:
    """Word lists and rules; every rule works on tokens that are joined by single spaces."""

    contractions: dict[str, tuple[str, ...]]
    greetings: frozenset[tuple[str, ...]]
    leading: tuple[tuple[str, ...], ...]
    trailing: tuple[tuple[str, ...], ...]
    requests: frozenset[str]
    tasks: frozenset[str]
    objects: frozenset[str]
    openers: frozenset[str]
    not_before: frozenset[str]
    not_after: frozenset[str]
    metalinguistic: frozenset[str]
    acronyms: frozenset[str]
    names: frozenset[str]
    units: frozenset[str]
    foreign: frozenset[str]
    english: frozenset[str]
    time: Listed
    wording: Listed
    light: frozenset[str]
    spellings: dict[str, str]
    synonyms: dict[str, str]
    phrases: tuple[tuple[str, str], ...]
    frames: tuple[tuple[re.Pattern[str], str], ...]


@cache
def lexicon() -> Lexicon:
    """The lists of lexicon.json."""
    data: dict[str, Any] = json.loads(Path(__file__).with_name("lexicon.json").read_text(encoding="utf-8"))
    polite = data["politeness"]
    single = ("requests", "tasks", "objects", "openers", "not_before", "not_after")
    plain = ("metalinguistic", "acronyms", "names", "units", "foreign", "english", "light")
    return Lexicon(
        contractions={word: tuple(full.split()) for word, full in data["contractions"].items()},
        greetings=frozenset(tuple(text.split()) for text in polite["greetings"]),
        leading=_longest_first(polite["leading"]),
        trailing=_longest_first(polite["trailing"]),
        **{name: frozenset(polite[name]) for name in single},
        **{name: frozenset(data[name]) for name in plain},
        time=_listed(data["time"]),
        wording=_listed(data["wording"]),
        spellings=data["spellings"],
        synonyms={word: group[0] for group in data["synonyms"] for word in group},
        phrases=tuple((f" {old} ", f" {new} ") for old, new in data["phrases"]),
        frames=tuple((re.compile(pattern), new) for pattern, new in data["frames"]),
    )


def _listed(texts: list[str]) -> Listed:
    return Listed(
        frozenset(text for text in texts if " " not in text), tuple(f" {text} " for text in texts if " " in text)
    )


def _longest_first(texts: list[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted((tuple(text.split()) for text in texts), key=len, reverse=True))
