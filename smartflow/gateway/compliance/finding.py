"""The vocabulary of a scan: kinds of sensitive data, severities, what a rule matched and what a scan reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of sensitive data and how it is named to people and in redacted text."""

    name: str
    singular: str
    plural: str
    category: str
    personal: bool = True

    @property
    def placeholder(self) -> str:
        return f"[{self.name.upper()}]"


_KINDS = (
    Kind("ssn", "Social Security number", "Social Security numbers", "identity"),
    Kind("credit_card", "payment card number", "payment card numbers", "payment_data"),
    Kind("iban", "bank account number (IBAN)", "bank account numbers (IBAN)", "payment_data"),
    Kind("email", "email address", "email addresses", "contact"),
    Kind("phone", "phone number", "phone numbers", "contact"),
    Kind("mrn", "medical record number", "medical record numbers", "health"),
    Kind("passport", "passport number", "passport numbers", "identity"),
    Kind("driver_license", "driver's license number", "driver's license numbers", "identity"),
    Kind("national_id", "national identity number", "national identity numbers", "identity"),
    Kind("ip_address", "IP address", "IP addresses", "network"),
    Kind("api_key", "API key or other secret", "API keys or other secrets", "credentials", personal=False),
    Kind("date_of_birth", "date of birth", "dates of birth", "identity"),
)
KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _KINDS}

# What the violation patterns of layer two are about, with how it is told to people.
CATEGORY_NAMES: Final[dict[str, str]] = {
    "credentials": "disclosing credentials",
    "payment_data": "handing over payment data",
    "identity": "handing over identity documents",
    "health": "disclosing health information",
    "confidential": "disclosing confidential business information",
    "data_exfiltration": "copying data out of a system",
    "prompt_injection": "overriding the model's instructions",
}
CATEGORIES: Final[tuple[str, ...]] = tuple(CATEGORY_NAMES)

_MASKED = re.compile(r"[^\W_]")
_LONGEST_MASK = 64


def mask(value: str) -> str:
    """The value with every letter and digit starred, for display; of a long value not even the length is shown."""
    starred = _MASKED.sub("*", value.replace("\n", " "))
    return starred if len(starred) <= _LONGEST_MASK else "*" * 8


@dataclass(frozen=True, slots=True)
class Rule:
    """One built-in pattern. `find` yields spans of the folded text that it has validated, in linear time."""

    name: str
    kind: str
    confidence: float
    find: Callable[[str], Iterator[Span]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one rule matched; `start` and `end` are character offsets in the original text."""

    kind: str
    start: int
    end: int
    confidence: float
    rule: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a scan reports: one stretch of the text, named after the candidate that explains it best."""

    kind: str
    start: int
    end: int
    severity: Severity
    confidence: float
    parts: tuple[Candidate, ...] = field(repr=False)

    @property
    def placeholder(self) -> str:
        return KINDS[self.kind].placeholder
