"""Rules for numbers with a structure that can be checked: Social Security numbers, payment cards, IBANs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from stdnum import iban, luhn, numdb
from stdnum.us import ssn

from smartflow.gateway.compliance.finding import Rule, Span
from smartflow.gateway.compliance.labels import Labelled

_SSN_LABEL = r"ssns?|ss#|soc(?:ial)?[ _-]?sec(?:urity)?(?:[ _-]?(?:numbers?|num|no\.?|nos\.?|#))?|social security card"
_SSN_DASHED = re.compile(r"(?<!\w)(?<!\d[-.])\d{3}-\d{2}-\d{4}(?!\w)(?!-\d)", re.ASCII)
_SSN_SPACED = re.compile(r"(?<!\w)(?<!\d[-. ])(?:\d{3} \d{2} \d{4}|\d{3}\.\d{2}\.\d{4})(?!\w)(?![-. ]\d)", re.ASCII)
_SSN_LABELLED = Labelled(("ss", "soc"), _SSN_LABEL, r"\d{3}[-. ]?\d{2}[-. ]?\d{4}", also_after=True)
_NOT_DIGIT = re.compile(r"\D", re.ASCII)


def _digits(text: str) -> str:
    return _NOT_DIGIT.sub("", text)


def _real_ssn(text: str, span: Span) -> bool:
    return ssn.is_valid(_digits(text[slice(*span)]))


def _find_ssn(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text) if _real_ssn(text, match.span()))


def _find_labelled_ssn(text: str) -> Iterator[Span]:
    return (span for span in _SSN_LABELLED.find(text) if _real_ssn(text, span))


# Issuer prefixes and lengths (ISO/IEC 7812, public BIN ranges). "Weak" brands are short or widely shared prefixes: an
# ordinary number passes their test too often, so that they count only after a word such as "card".
_BRANDS = re.compile(
    r"(?:4(?:\d{15}|\d{18})"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|81[0-6]\d)\d{12,15}"
    r"|(?:30[0-5]\d|3095|3[689]\d\d)\d{10,15}"
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|(?:220[0-4]|508\d|60\d\d)\d{12})",
    re.ASCII,
)
_WEAK_BRANDS = re.compile(r"(?:4\d{12}|(?:5[0678]|6[0-9])\d{10,17})", re.ASCII)
_CARD_WORD = re.compile(
    r"(?<![A-Za-z0-9])(?:cards?|visa|master ?card|maestro|amex|credit|debit|cc|pan|karte|tarjeta|carte)(?![A-Za-z0-9])",
    re.ASCII | re.IGNORECASE,
)
_CARD_WORD_REACH = 40
_NUMBER_RUN = re.compile(r"(?<![\w])(?<!\d[.,])\d++(?:(?: - |[ .\-])\d++)*+(?!\w)", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
_CARD_LENGTHS = range(12, 20)
_SMALLEST_GROUP = 3


def _windows(text: str, run: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    """Stretches of whole digit groups as long as a card, with one separator; a whole run may be grouped in any way."""
    groups = [match.span() for match in _GROUP.finditer(text, *run.span())]
    digits = _digits(run.group()) if len(groups) <= _CARD_LENGTHS.stop else ""
    if len(digits) in _CARD_LENGTHS:
        yield *run.span(), digits
    gaps = [text[left[1] : right[0]] for left, right in pairwise(groups)]
    for first, (start, _) in enumerate(groups):
        collected = ""
        for last in range(first, len(groups)):
            left, right = groups[last]
            size = right - left
            if len(collected) + size >= _CARD_LENGTHS.stop or (last > first + 1 and gaps[last - 1] != gaps[first]):
                break
            collected += text[left:right]
            if len(collected) in _CARD_LENGTHS:
                yield start, right, collected
            if size < _SMALLEST_GROUP:
                break


def _find_cards(brands: re.Pattern[str], text: str) -> Iterator[Span]:
    for run in _NUMBER_RUN.finditer(text):
        if run.end() - run.start() < _CARD_LENGTHS.start:
            continue
        for start, end, digits in _windows(text, run):
            if brands.fullmatch(digits) and luhn.is_valid(digits):
                yield start, end


def _find_weak_cards(text: str) -> Iterator[Span]:
    for start, end in _find_cards(_WEAK_BRANDS, text):
        if _CARD_WORD.search(text, max(0, start - _CARD_WORD_REACH), start):
            yield start, end


_IBAN_COUNTRIES = numdb.get("iban")
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])", re.ASCII)
_IBAN_SIZE = re.compile(r"(\d+)!")


def _iban_length(country: str) -> int:
    """The number of characters of this country's IBANs, 0 when it has none."""
    _, facts = _IBAN_COUNTRIES.info(country)[0]
    sizes = [int(size) for size in _IBAN_SIZE.findall(facts.get("bban", ""))]
    return 4 + sum(sizes) if sizes else 0


_IBAN_LENGTHS = {
    country: length
    for country in (first + second for first in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for second in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    if (length := _iban_length(country))
}
_IBAN_BODY = {
    length: re.compile(rf"[A-Za-z0-9]{{4}}(?:[ -]?[A-Za-z0-9]){{{length - 4}}}(?![A-Za-z0-9])", re.ASCII)
    for length in set(_IBAN_LENGTHS.values())
}


def _find_ibans(text: str) -> Iterator[Span]:
    for opening in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(opening.group()[:2].upper())
        if not length:
            continue
        match = _IBAN_BODY[length].match(text, opening.start())
        if match and iban.is_valid(match.group()):
            yield match.span()


RULES = (
    Rule("ssn_dashed", "ssn", 0.95, lambda text: _find_ssn(_SSN_DASHED, text)),
    Rule("ssn_spaced", "ssn", 0.7, lambda text: _find_ssn(_SSN_SPACED, text)),
    Rule("ssn_labelled", "ssn", 0.97, _find_labelled_ssn),
    Rule("credit_card", "credit_card", 0.99, lambda text: _find_cards(_BRANDS, text)),
    Rule("credit_card_labelled", "credit_card", 0.8, _find_weak_cards),
    Rule("iban", "iban", 0.99, _find_ibans),
)
