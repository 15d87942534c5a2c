"""Finds values by the word that introduces or follows them ("MRN: 12345678", "123456789 is my SSN")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smartflow.gateway.compliance.finding import Span

# Every quantifier is bounded, so that a label costs a constant time whatever follows it.
_FILLER = (
    r"(?:[\s:#=.,;()\[\]{}<>/|?!\"'*_\-\u00b0\u00ba]"
    r"|(?:is|was|are|were|n|number|numbers|num|no|nr|id|ids|value|of|the|my|his|her|their|your|our|patient|customer|guest|holder|member|client|applicant|passenger|employee|student|newborn|on|file|s)"
    r"(?![A-Za-z0-9])|\([A-Z]{2,3}\)){0,16}?"
)
_STATES = (
    "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|indiana|iowa"
    "|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada"
    "|hampshire|jersey|mexico|york|carolina|dakota|ohio|oklahoma|oregon|pennsylvania|rhode|island|tennessee|texas|utah|vermont"
    "|virginia|washington|wisconsin|wyoming|ontario|quebec|british|columbia|alberta|new|north|south|west"
)
# An issuing state or country may stand between a licence and its number: "California driver's license CA D1234567".
FILLER_WITH_STATE = (
    _FILLER.removesuffix("{0,16}?").replace(
        r"|on|file|s)", rf"|on|file|s|state|issued|by|in|from|{_STATES}|[A-Z]{{2}})"
    )
    + "{0,16}?"
)
_NEXT_IN_LIST = r"\s{0,2}(?:,|;|/|&|and|or)\s{0,2}(?:(?:and|or)\s{1,2})?"
_TRAILER = r"\s{0,2}[(\-:]?\s{0,2}(?:(?:is|was|as|being|=)\s{1,2})?(?:(?:my|his|her|their|the|our|your|a)\s{1,2}){0,2}"
_FLAGS = re.ASCII | re.IGNORECASE


class Labelled:
    """Values of one shape that a label introduces, that continue such a list, or (if asked) that a label follows.

    Every label holds one of the `hints`, in lower case: looking for plain words first makes the usual text cheap.
    """

    def __init__(
        self, hints: tuple[str, ...], label: str, value: str, *, gap: str = _FILLER, also_after: bool = False
    ) -> None:
        self._hints = hints
        bounded_label = rf"(?<![A-Za-z0-9])(?:{label})(?![A-Za-z0-9])"
        bounded_value = rf"(?<![A-Za-z0-9])(?P<value>{value})(?![A-Za-z0-9])(?!-\d)"
        self._introduced = re.compile(bounded_label + gap + bounded_value, _FLAGS)
        self._continued = re.compile(_NEXT_IN_LIST + bounded_value, _FLAGS)
        self._followed = re.compile(bounded_value + _TRAILER + bounded_label, _FLAGS) if also_after else None

    def find(self, text: str) -> Iterator[Span]:
        """The spans of the values, not yet validated; a value may come twice."""
        if not holds_any(text, self._hints):
            return
        for match in self._introduced.finditer(text):
            found: re.Match[str] | None = match
            while found:
                yield found.span("value")
                found = self._continued.match(text, found.end("value"))
        if self._followed:
            for match in self._followed.finditer(text):
                yield match.span("value")


def holds_any(text: str, hints: tuple[str, ...]) -> bool:
    """True when one of these lower-case words is somewhere in the text, in any case."""
    lowered = text.lower()
    return any(hint in lowered for hint in hints)
