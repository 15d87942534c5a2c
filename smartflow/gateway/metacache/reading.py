"""Reads a question into tokens: what may be treated alike is made alike, what must be equal stays as it was written.

The work is linear in the text, and a text over `MAX_CHARACTERS` is not read at all.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from smartflow.gateway.metacache.lexicon import lexicon

MAX_CHARACTERS = 2_000
_TYPOGRAPHY = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ", "…": "...", "\r": "\n"}
)
_QUOTED = re.compile(r"\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|«[^«»]*»|„[^„\"]*\"")
_MASK = re.compile(r"\x00(\d+)\x00")
_CODE = re.compile(
    r"`|[{}<>\\|]|==|:=|->|\(\)|;\s*(?:\n|$)|\n[ \t]+\S|\b(?:def|SELECT|INSERT|UPDATE|DELETE|#include|import) |\w\(\w*\)|\w\[\w*\]|https?:|/\w+/"
)
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*'?")
_FACTORIAL = re.compile(r"[\w)]*[\d)]!|\w!")
_END = ".,;:!?"
_SEPARATORS = frozenset({*_END, "\n", "-", "--", "\u2014", "\u2013"})


@dataclass(frozen=True)
class Reading:
    """A question as tokens. `intent` has no politeness, `plain` one spelling of each word, `meaning` one wording of each phrase."""

    intent: tuple[str, ...]
    plain: tuple[str, ...]
    meaning: tuple[str, ...]
    is_code: bool
    is_timely: bool
    is_about_words: bool = False

    @property
    def exact_only(self) -> str | None:
        """Why only an equal text is near: `code`, `time` (the answer depends on when it is asked), `wording` (it depends on each letter)."""
        reasons = {"code": self.is_code, "time": self.is_timely, "wording": self.is_about_words or not self.intent}
        return next((reason for reason, holds in reasons.items() if holds), None)


@lru_cache(maxsize=512)
def read(text: str) -> Reading | None:
    """The reading of a text; None for one that is empty or too long to be near to another."""
    if not text.strip() or len(text) > MAX_CHARACTERS or "\x00" in text:
        return None
    text = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY).strip()
    is_code = _CODE.search(text) is not None
    quotes: list[str] = []

    def mask(found: re.Match[str]) -> str:
        quotes.append(found.group())
        return f" \x00{len(quotes) - 1}\x00 "

    words = _split(_QUOTED.sub(mask, text))
    foreign = _is_foreign(words)
    tokens = tuple(_MASK.sub(lambda found: quotes[int(found[1])], word) for word in _fold(words, foreign))
    lower = tuple(token.lower() for token in tokens)
    timely = lexicon().time.is_in(lower)
    # What follows a colon is a text to work on, not a question.
    about_words = not tokens or ":" in tokens or lexicon().wording.is_in(lower)
    if foreign or quotes or about_words:
        return Reading(tokens, tokens, tokens, is_code, timely, about_words)
    intent = _with_its_sign(_without_politeness(tokens, words), text)
    plain = _plain(intent)
    return Reading(intent, plain, _meaning(plain), is_code, timely)


def _split(text: str) -> list[str]:
    """Words and symbols as they were written; punctuation that ends the text is dropped, that within it becomes a token."""
    found: list[str] = []
    for piece in re.split(r"(\n+)|[^\S\n]+", text):
        if not piece:
            continue
        if piece.startswith("\n"):
            found.append("\n")
            continue
        # 5! is a factorial.
        word = piece if _FACTORIAL.fullmatch(piece) else piece.rstrip(_END)
        if word:
            found.append(word)
        # `?!` or `...` within a text weighs as much as its first sign.
        if len(word) < len(piece):
            found.append(piece[len(word)])
    while found and found[-1] in _SEPARATORS and found[-1] != ":":
        found.pop()
    return found


def _is_foreign(words: list[str]) -> bool:
    """True for texts in another language than English, where capitals and small words may change the meaning."""
    if any(not word.isascii() and any(letter.isalpha() and ord(letter) > 127 for letter in word) for word in words):
        return True
    small = [word.lower() for word in words]
    listed = lexicon()
    hints = sum(word in listed.foreign for word in small)
    return hints > 0 and hints >= sum(word in listed.english or word in listed.openers for word in small)


def _fold(words: list[str], foreign: bool) -> list[str]:
    """Small letters and whole forms of contractions, where neither can change the meaning."""
    if foreign:
        return words
    shouting = not any(letter.islower() for word in words for letter in word)
    folded: list[str] = []
    after_number = False
    for place, word in enumerate(words):
        kept = (after_number and len(word) <= 4) or _keeps_case(word, place, shouting)
        small = word if kept else word.lower()
        folded.extend((small,) if kept else lexicon().contractions.get(small, (small,)))
        after_number = any(letter.isdigit() for letter in word)
    return _joined_cannot(folded)


def _keeps_case(word: str, place: int, shouting: bool) -> bool:
    if not _WORD.fullmatch(word):
        return True
    small, words = word.lower(), lexicon()
    if small in words.units:
        return True
    if place == 0 and small in words.openers and (shouting or not word.isupper() or len(word) == 1):
        return False
    if len(word) == 1:
        return small != "i" and not (small == "a" and (word == "a" or place == 0))
    if word.isupper() and small in words.acronyms:
        return True
    return word[0].isupper() and small in words.names


def _joined_cannot(words: list[str]) -> list[str]:
    joined: list[str] = []
    for place, word in enumerate(words):
        if word == "not" and joined and joined[-1] == "can" and words[place + 1 : place + 2] != ["only"]:
            joined[-1] = "cannot"
        else:
            joined.append(word)
    return joined


def _with_its_sign(tokens: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The tokens, and a question mark where it alone makes the text a question: `You are coming?`"""
    listed = lexicon()
    begins = (tokens[0], *(after for before, after in pairwise(tokens) if before == ","))
    asks = any(word in listed.openers and word != "i" for word in begins)
    marked = text.rstrip(_END).endswith("?") or "?" in text[len(text.rstrip(_END)) :]
    return (*tokens, "?") if marked and not asks and tokens[0] not in listed.requests | listed.tasks else tokens


def _without_politeness(tokens: tuple[str, ...], written: list[str]) -> tuple[str, ...]:
    """The tokens without greeting, `please` and thanks; all of them where a text is about words, or would be left empty."""
    listed = lexicon()
    if not listed.metalinguistic.isdisjoint(tokens):
        return tokens
    rest = _without_leading(_without_greeting(tokens), titled=_is_titled(written))
    rest = _without_trailing(rest)
    return rest if any(token not in _SEPARATORS for token in rest) else tokens


def _is_titled(written: list[str]) -> bool:
    """True when most words begin with a capital: the title of something, in which no word is politeness."""
    long = [word for word in written if len(word) > 3 and word.isalpha() and not word.isupper()]
    return len(long) >= 2 and sum(word[0].isupper() for word in long) > len(long) / 2


def _without_greeting(tokens: tuple[str, ...]) -> tuple[str, ...]:
    listed = lexicon()
    for length in (2, 1):
        if tokens[:length] in listed.greetings and len(tokens) > length:
            rest = tokens[length:]
            if rest[0] in (",", ".", "!", "\n"):
                return rest[1:]
            if rest[0] in listed.openers:
                return rest
    return tokens


def _without_leading(tokens: tuple[str, ...], *, titled: bool) -> tuple[str, ...]:
    listed = lexicon()
    if titled:
        return tokens
    for phrase in listed.leading:
        rest = tokens[len(phrase) :]
        if tokens[: len(phrase)] != phrase or not rest:
            continue
        rest = rest[1:] if rest[0] == "," else rest
        if not rest:
            continue
        task = rest[0] in listed.tasks and rest[1:2] and rest[1] in listed.objects
        if (
            rest[0] in listed.requests
            or task
            or (phrase[-1] in ("please", "kindly") and rest[0] not in listed.not_after)
        ):
            return rest
    return tokens


def _without_trailing(tokens: tuple[str, ...]) -> tuple[str, ...]:
    listed = lexicon()
    for _ in range(2):
        for phrase in listed.trailing:
            rest = tokens[: -len(phrase)]
            if len(rest) < 2 or tokens[-len(phrase) :] != phrase or rest[-1] in listed.not_before:
                continue
            tokens = rest[:-1] if rest[-1] in _SEPARATORS else rest
            break
    return tokens


def _plain(tokens: tuple[str, ...]) -> tuple[str, ...]:
    listed = lexicon()
    return tuple(listed.spellings.get(token, token) for token in tokens if token not in listed.light)


def _meaning(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """One wording for each kind of question, and one word for words of equal meaning."""
    listed = lexicon()
    text = f" {' '.join(token for token in tokens if token != chr(10))} "
    if "\n" in tokens or any(separator in tokens for separator in (".", "?", "!", ":", ";")):
        return tokens
    for old, new in listed.phrases:
        text = text.replace(old, new)
    text = text.strip()
    for pattern, new in listed.frames:
        text = pattern.sub(new, text).strip()
    words = text.split()
    leaders = [listed.synonyms.get(word) for word in words]
    # A question that names two words of one group is about their difference.
    several = {
        leader
        for leader in leaders
        if leader and len({w for w, of in zip(words, leaders, strict=True) if of == leader}) > 1
    }
    return tuple(
        leader if leader and leader not in several else word for word, leader in zip(words, leaders, strict=True)
    )
