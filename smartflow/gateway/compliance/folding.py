"""Folds look-alike characters to ASCII before matching, and maps offsets back to the original text.

Folded: digits of every script, full-width and other compatibility forms that stand for one character, typographic
dashes and spaces; invisible characters (zero-width, soft hyphen, direction marks) are left out. Not done: letters of
other scripts that look Latin (a Cyrillic "a"), forms that expand to several characters, HTML entities,
percent-encoding, base64.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from smartflow.gateway.compliance.finding import Span

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")


@lru_cache(maxsize=4096)  # bounded, because the characters of a text are the sender's choice
def _fold_character(code: int) -> str:
    character = chr(code)
    if code < 128:
        return character
    if character in _DASHES:
        return "-"
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if unicodedata.category(character) == "Zs":
        return " "
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 else character


class _FoldTable:
    def __getitem__(self, code: int) -> str:
        return _fold_character(code)


_TABLE = _FoldTable()


@dataclass(frozen=True, slots=True)
class Folded:
    """The folded text; `offsets` holds each character's place in the original, or None when nothing moved."""

    text: str
    offsets: list[int] | None = None

    def original_span(self, start: int, end: int) -> Span:
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


def fold(text: str) -> Folded:
    """The text as the rules see it, with the way back to the original offsets."""
    if text.isascii():
        return Folded(text)
    if not _INVISIBLE.search(text):
        return Folded(text.translate(_TABLE))
    offsets = [place for place, character in enumerate(text) if not _INVISIBLE.match(character)]
    return Folded("".join(text[place] for place in offsets).translate(_TABLE), offsets)
