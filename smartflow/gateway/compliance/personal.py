"""Rules for values that only a label beside them tells apart: record numbers, passports, licences, dates of birth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from smartflow.gateway.compliance.finding import Rule, Span
from smartflow.gateway.compliance.labels import FILLER_WITH_STATE, Labelled

_MRN_LABEL = (
    r"mrns?|medical[ _-]record(?:[ _-]?(?:numbers?|num|no\.?|nos\.?|#|id))?"
    r"|patient[ _-]?(?:id|no\.?|number|#)|chart[ _-](?:number|no\.?|#)|hospital[ _-](?:number|no\.?)"
)
_MRN = Labelled(
    ("mrn", "record", "patient", "chart", "hospital"), _MRN_LABEL, r"[A-Z]{0,4}-?\d(?:-?\d){4,11}", also_after=True
)
_MRN_DIGITS = range(5, 13)

_PASSPORT_LABEL = (
    r"passports?(?:[ _-]?(?:numbers?|num|no\.?|nos\.?|#|id))?"
    r"|passeport|reisepass(?:nummer)?|passnummer|pass-?nr\.?|pasaporte|passaporto|passaporte|paspoort|paszport"
)
_PASSPORT = Labelled(
    ("pass", "paspoort", "pasaporte", "paszport"),
    _PASSPORT_LABEL,
    r"[A-Z]{1,2}[ -]\d{6,8}|(?=[A-Z]{0,8}\d)[A-Z0-9]{6,9}",
    also_after=True,
)
_PASSPORT_DIGITS = range(4, 10)
_FEWEST_DIGITS = 2

_LICENSE_LABEL = (
    r"driv(?:er(?:'?s|s')?|ing)[ _-]?licen[cs]es?(?:[ _-]?(?:numbers?|num|no\.?|nos\.?|#|id))?"
    r"|d/?l[ _-]?(?:numbers?|num|no\.?|nos\.?|#|:)|licen[cs]e[ _-]?(?:number|no\.?|#)"
    r"|f[uü]hrerschein(?:nummer)?|permis de conduire|(?:licencia|permiso|carn[eé]t?) de conducir|carta de condu[cç][aã]o"
    r"|patente(?: di guida)?|rijbewijs(?:nummer)?|prawo jazdy|driver id"
)
_LICENSE = Labelled(
    ("licen", "driv", "dl", "d/l", "hrerschein", "permis", "conducir", "condu", "patente", "rijbewijs", "prawo"),
    _LICENSE_LABEL,
    r"(?=[A-Z]{0,8}-?\d)[A-Z0-9]{1,9}(?:-[A-Z0-9]{1,6}){1,4}|[A-Z]{2}\d{2} ?\d{11}|[A-Z]?\d{2,4}(?: \d{2,4}){1,4}|[A-Z9]{5} ?\d{6} ?[A-Z0-9]{2,5}|(?=[A-Z]{0,12}\d)[A-Z0-9]{5,18}",
    gap=FILLER_WITH_STATE,
    also_after=True,
)
_LICENSE_DIGITS = range(4, 16)

_ISO_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)
_NOT_DIGIT = re.compile(r"\D", re.ASCII)


def _digit_count(text: str) -> int:
    return len(_NOT_DIGIT.sub("", text))


def _is_iso_date(text: str) -> bool:
    match = _ISO_DATE.fullmatch(text)
    return match is not None and _is_birth_date(*(int(part) for part in match.groups()))


def _find_mrns(text: str) -> Iterator[Span]:
    for start, end in _MRN.find(text):
        value = text[start:end]
        if _digit_count(value) in _MRN_DIGITS and not ("-" in value and _is_iso_date(value)):
            yield start, end


def _find_passports(text: str) -> Iterator[Span]:
    for start, end in _PASSPORT.find(text):
        value = text[start:end]
        digits = _digit_count(value)
        # Some countries mix few digits into capitals; in lower case that is a word.
        if digits in _PASSPORT_DIGITS or (digits >= _FEWEST_DIGITS and value.isupper()):
            yield start, end


def _find_licenses(text: str) -> Iterator[Span]:
    for start, end in _LICENSE.find(text):
        value = text[start:end]
        digits = _digit_count(value)
        enough = digits in _LICENSE_DIGITS or (digits > _FEWEST_DIGITS and value.isupper())
        if enough and not _DATE_LIKE.fullmatch(value):
            yield start, end


_DATE_LIKE = re.compile(r"\d{1,4}[- ]\d{1,2}[- ]\d{1,4}|(?:19|20)\d\d", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_BIRTH_LABEL = (
    r"dobs?|d\.o\.b\.?|date[ _-]of[ _-]birth|birth[ _-]?dates?|birthdays?|birth|b-?day|born(?: on)?|n[ée]e? le"
    r"|geboren(?: am)?|geburtsdatum|geburtstag|fecha de nacimiento|nacid[oa] el|date de naissance|data di nascita"
    r"|nat[oa] il|data de nascimento|geboortedatum|data urodzenia|f[oö]delsedatum"
)
_BIRTH_DATE = Labelled(
    (
        "dob",
        "d.o.b",
        "birth",
        "b-day",
        "bday",
        "born",
        "n\u00e9",
        "ne",
        "gebor",
        "geburt",
        "nac",
        "nascita",
        "nat",
        "nascimento",
        "urodzenia",
        "f\u00f6dels",
        "fodels",
    ),
    _BIRTH_LABEL,
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|\d{8}"
    rf"|{_DAY}(?: of)?[ -]{_MONTH},?[ -]\d{{4}}|{_MONTH} {_DAY},? \d{{4}}",
)
_WORD = re.compile(r"[a-z]{3,}|\d+", re.ASCII | re.IGNORECASE)
_BIRTH_YEARS = range(1880, 2101)


def _is_birth_date(year: int, month: int, day: int) -> bool:
    try:
        return date(year, month, day).year in _BIRTH_YEARS
    except ValueError:
        return False


def _readings(value: str) -> Iterator[tuple[int, int, int]]:
    """The year, month and day that a date may mean; 03/04/1985 has two readings."""
    if value.isdigit():
        yield int(value[:4]), int(value[4:6]), int(value[6:])
        yield int(value[4:]), int(value[:2]), int(value[2:4])
        return
    words = [word.lower() for word in _WORD.findall(value)]
    months = [_MONTHS.index(word[:3]) + 1 for word in words if word[:3] in _MONTHS]
    numbers = [int(word) for word in words if word.isdigit()]
    if months:
        yield numbers[1], months[0], numbers[0]
    elif len(words[0]) == 4:
        yield numbers[0], numbers[1], numbers[2]
    else:
        year = numbers[2] if len(words[2]) == 4 else 1900 + numbers[2]
        yield year, numbers[0], numbers[1]
        yield year, numbers[1], numbers[0]


def _find_birth_dates(text: str) -> Iterator[Span]:
    for start, end in _BIRTH_DATE.find(text):
        if any(_is_birth_date(*reading) for reading in _readings(text[start:end])):
            yield start, end


RULES = (
    Rule("mrn_labelled", "mrn", 0.9, _find_mrns),
    Rule("passport_labelled", "passport", 0.9, _find_passports),
    Rule("driver_license_labelled", "driver_license", 0.9, _find_licenses),
    Rule("date_of_birth_labelled", "date_of_birth", 0.95, _find_birth_dates),
)
