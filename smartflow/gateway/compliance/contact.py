"""Rules for ways to reach a person or a machine: email addresses, phone numbers, IP addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import phonenumbers

from smartflow.gateway.compliance.finding import Rule, Span
from smartflow.gateway.compliance.labels import Labelled

# Letters of every script may stand in an address; the look-behind keeps a long word from being tried at each letter.
_EMAIL = re.compile(
    r"(?<!\w)\w[\w.%+'&-]{0,63}@"
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}"
    r"(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})(?![^\W\d_])",
    re.IGNORECASE,
)
_SCALED_IMAGE = re.compile(r"@\d(?:\.\d)?x\.[a-z]{3,4}$", re.IGNORECASE)  # icon@2x.png is a file name


def _find_emails(text: str) -> Iterator[Span]:
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        local = match.group().partition("@")[0]
        is_repository = local == "git" and text.startswith(":", match.end())
        if not (is_repository or _SCALED_IMAGE.search(match.group())):
            # Dots that only lead up to an address ("see...john@example.com") are no part of it.
            yield match.start() + local.rfind("..") + 2 if ".." in local else match.start(), match.end()


_EXTENSION = r"(?: ?(?:x|ext\.?|extension) ?\d{1,6})?"
_US_PHONE = re.compile(
    r"(?<!\w)(?<!\d[-./])(?:\+?1[ .\-]?)?(?:\(\d{3}\)[ .\-]?|\d{3}[ .\-/])\d{3}[ .\-]\d{4}"
    rf"{_EXTENSION}(?!\w)(?![-./]\d)",
    re.ASCII | re.IGNORECASE,
)
_INTERNATIONAL = re.compile(rf"(?<![\w+.,])(?:\+|00)[1-9](?:[ ().\-/]{{0,2}}\d){{6,14}}(?!\d){_EXTENSION}", re.ASCII)
_LAST_GROUP = re.compile(r"[ ().\-/]{1,2}\d{1,6}$", re.ASCII)
_MOST_CUTS = 2
_PHONE_LABEL = (
    r"call(?:s|ed|ing)?|phones?|phoned|telephone|tel\.?|mobile|cell(?:phone)?|fax|sms|whatsapp|dial|hotline|voicemail|t[ée]l[ée]phone|telefon|tel[ée]fono|handy|m[óo]vil|portable|unter(?= ?\(?0\d)|rufnummer"
    r"|(?:text|signal|ring|reach|contact)(?=:? (?:me|us|him|her|them|you|at|to|on|the|our|my|\(?\d))"
    r"|(?:my|his|her|their|our)(?: new| old| home| work| office)? number"
)
_LABELLED_PHONE = Labelled(
    (
        "call",
        "phon",
        "tel",
        "mobile",
        "cell",
        "fax",
        "sms",
        "whatsapp",
        "dial",
        "hotline",
        "voicemail",
        "handy",
        "m\u00f3vil",
        "movil",
        "portable",
        "text",
        "signal",
        "ring",
        "reach",
        "contact",
        "number",
        "unter",
        "rufn",
    ),
    _PHONE_LABEL,
    r"(?:\(?\d{3}\)?[ .\-]?)?[2-9]\d{2}[ .\-]\d{4}|[2-9]\d{9}|0\d(?:[ .\-/]?\d){7,10}"
    # Without a trunk zero: India, Brazil, Spain and other nine-digit plans.
    r"|[6-9]\d{4}[ -]?\d{5}|\(?[1-9]\d\)? ?9?\d{4}-?\d{4}|[6-9]\d{2}[ .]?\d{2,3}[ .]?\d{2,3}(?:[ .]\d{2})?",
    gap=r"[^\n\d]{0,40}?",
)
# North American numbers by their plan, because directories leave out the numbers of examples and films (555-867-5309).
_NORTH_AMERICAN = re.compile(r"1?(?:[2-9](?!11)\d{2})?[2-9](?!11)\d{6}", re.ASCII)
_TRUNK = re.compile(r"0[1-9]\d{7,10}", re.ASCII)
_NO_TRUNK = re.compile(r"[6-9]\d{9}|[1-9]\d9?\d{8}|[6-9]\d{8}", re.ASCII)
_NOT_DIGIT = re.compile(r"\D", re.ASCII)
_EXTENSION_END = re.compile(rf"{_EXTENSION}$", re.IGNORECASE)


def _number(text: str) -> str:
    return _NOT_DIGIT.sub("", _EXTENSION_END.sub("", text))


def _find_us_phones(text: str) -> Iterator[Span]:
    for match in _US_PHONE.finditer(text):
        if _NORTH_AMERICAN.fullmatch(_number(match.group())):
            yield match.span()


def _is_international(candidate: str, accepts: Callable[[phonenumbers.PhoneNumber], bool]) -> bool:
    number = _number(candidate)
    international = number.removeprefix("00")
    if len(international) == 11 and international.startswith("1"):
        return _NORTH_AMERICAN.fullmatch(international) is not None
    try:
        parsed = phonenumbers.parse("+" + candidate.lstrip("+0"), None)
    except phonenumbers.NumberParseException:
        return False
    return accepts(parsed)


def _find_international_phones(
    text: str, accepts: Callable[[phonenumbers.PhoneNumber], bool] = phonenumbers.is_valid_number
) -> Iterator[Span]:
    for match in _INTERNATIONAL.finditer(text):
        candidate = match.group()
        for _ in range(1 + _MOST_CUTS):  # a year or a house number may follow the number
            if _is_international(candidate, accepts):
                yield match.start(), match.start() + len(candidate)
                break
            shorter = _LAST_GROUP.sub("", candidate)
            if shorter == candidate:
                break
            candidate = shorter


def _find_possible_phones(text: str) -> Iterator[Span]:
    """Numbers of a right length in a country's plan, such as those kept free for films; only with a plus."""
    for start, end in _find_international_phones(text, phonenumbers.is_possible_number):
        if text[start] == "+" and len(_number(text[start:end])) >= _SHORTEST_POSSIBLE:
            yield start, end


_SHORTEST_POSSIBLE = 10


def _find_labelled_phones(text: str) -> Iterator[Span]:
    for start, end in _LABELLED_PHONE.find(text):
        number = _number(text[start:end])
        if _NORTH_AMERICAN.fullmatch(number) or _TRUNK.fullmatch(number) or _NO_TRUNK.fullmatch(number):
            yield start, end


_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w)(?!\.\d)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,39}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])(?!\.\d)", re.ASCII)
_VERSION_WORD = re.compile(
    r"(?<![a-z])(?:version|ver\.?|release|build|firmware|section|chapter|§)[ :=v]{0,3}$", re.IGNORECASE
)
_LONGEST_VERSION_WORD = 13
_FEW_GROUPS = 3
_ADDRESS_LIKE = re.compile(r"(?=.*\d)[23f][0-9a-f]{3}:", re.IGNORECASE)


def _find_ipv4(text: str, *, private: bool) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        try:
            address = IPv4Address(match.group())
        except AddressValueError:
            continue
        if address.is_loopback or address.is_unspecified or address.is_multicast or address.packed[0] == 255:
            continue  # names no machine in particular
        inside = address.is_private and not address.is_reserved and address.packed[0] in (10, 169, 172, 192)
        documentation = address.packed[:3] == b"\xc0\x00\x02"
        if (inside and not documentation) is not private:
            continue
        if not _VERSION_WORD.search(text[max(0, match.start() - _LONGEST_VERSION_WORD) : match.start()]):
            yield match.span()


def _find_ipv6(text: str) -> Iterator[Span]:
    for match in _IPV6.finditer(text):
        value = match.group().rstrip(":") if not match.group().endswith("::") else match.group()
        try:
            address = IPv6Address(value)
        except AddressValueError:
            continue
        groups = [group for group in value.split(":") if group]
        # Two hexadecimal words around "::" are more often a name in source code than an address.
        code_like = len(groups) < _FEW_GROUPS and not _ADDRESS_LIKE.match(value)
        if not (address.is_loopback or address.is_unspecified or code_like):
            yield match.start(), match.start() + len(value)


RULES = (
    Rule("email", "email", 0.95, _find_emails),
    Rule("phone_us", "phone", 0.85, _find_us_phones),
    Rule("phone_international", "phone", 0.95, _find_international_phones),
    Rule("phone_possible", "phone", 0.7, _find_possible_phones),
    Rule("phone_labelled", "phone", 0.85, _find_labelled_phones),
    Rule("ipv4", "ip_address", 0.9, lambda text: _find_ipv4(text, private=False)),
    Rule("ipv4_private", "ip_address", 0.55, lambda text: _find_ipv4(text, private=True)),
    Rule("ipv6", "ip_address", 0.9, _find_ipv6),
)
