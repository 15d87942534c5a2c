"""Rules for secrets of programs and people: API keys, access tokens, JWTs, private keys, passwords."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator

from smartflow.gateway.compliance.finding import Rule, Span
from smartflow.gateway.compliance.labels import holds_any

_START = r"(?<![A-Za-z0-9_\-])"
_END = r"(?![A-Za-z0-9])"
_PREFIXED = re.compile(
    _START + r"(?:sk-[A-Za-z0-9_\-]{16,256}"
    r"|(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,128}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_\-]{20,64}"
    r"|xox[abeoprs]-[A-Za-z0-9\-]{10,256}|xapp-[A-Za-z0-9\-]{10,256}"
    r"|AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,512}"
    r"|hf_[A-Za-z0-9]{20,64}|gsk_[A-Za-z0-9]{20,128}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_\-]{50,512}"
    r"|dop_v1_[a-f0-9]{64}|shp(?:at|ss|ca|pa)_[A-Za-z0-9]{32}|sq0(?:atp|csp)-[A-Za-z0-9_\-]{22,64}|key-[0-9a-f]{32}"
    r"|SK[0-9a-f]{32}|glrt-[A-Za-z0-9_\-]{20,64}|lin_api_[A-Za-z0-9]{32,64}|xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"
    r"|dckr_pat_[A-Za-z0-9_\-]{20,64}|nvapi-[A-Za-z0-9_\-]{40,128}|r8_[A-Za-z0-9]{32,64}|pplx-[A-Za-z0-9]{32,64}"
    r"|whsec_[A-Za-z0-9+/]{24,128}|hv[sb]\.[A-Za-z0-9_\-]{20,256}|ATATT3[A-Za-z0-9_\-=]{40,256}|PMAK-[a-f0-9\-]{40,80}"
    r"|(?:secret|ntn)_[A-Za-z0-9]{40,64}|sntrys_[A-Za-z0-9_\-=+/]{30,256}|tvly-[A-Za-z0-9\-]{20,64}"
    r"|SG\.[A-Za-z0-9_\-]{16,64}\.[A-Za-z0-9_\-]{16,128})" + _END,
    re.ASCII,
)
_DIGIT = re.compile(r"\d", re.ASCII)
_LETTER = re.compile(r"[A-Za-z]", re.ASCII)


def _find_prefixed(text: str) -> Iterator[Span]:
    # A digit tells a key from a hyphenated name such as "sk-learn-contrib-examples".
    return (match.span() for match in _PREFIXED.finditer(text) if _DIGIT.search(match.group()))


_JWT = re.compile(
    _START + r"(eyJ[A-Za-z0-9_\-]{8,4096}+)\.[A-Za-z0-9_\-]{8,65536}+\.[A-Za-z0-9_\-]{0,4096}+" + _END, re.ASCII
)


def _is_jwt_header(segment: str) -> bool:
    try:
        header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header)


def _find_jwts(text: str) -> Iterator[Span]:
    if "eyJ" in text:
        yield from (match.span() for match in _JWT.finditer(text) if _is_jwt_header(match.group(1)))


_BEARER = re.compile(r"(?<![A-Za-z0-9])Bearer[ \t]{1,3}([A-Za-z0-9._~+/\-]{16,65536}+={0,2})", re.ASCII | re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?:api[ _-]?key|secret[ _-]?(?:access[ _-]?)?key|client[ _-]?secret|(?:app|webhook|shared|consumer)[ _-]?secret"
    r"|(?:private|signing|encryption|account|shared[ _-]?access|master|service)[ _-]?key"
    r"|(?:access|auth|refresh|session|bot|oauth|personal[ _-]access)[ _-]?token)"
    r"[\"']?(?:\s{0,3}(?:[:=]|is)\s{0,3}|\s)[\"']?([A-Za-z0-9._~+/\-]{16,512}={0,2})(?![A-Za-z0-9])",
    re.ASCII | re.IGNORECASE,
)


def _find_introduced(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    if not holds_any(text, ("bearer", "key", "secret", "token")):
        return
    for match in pattern.finditer(text):
        if _DIGIT.search(match.group(1)) and _LETTER.search(match.group(1)):
            yield match.span(1)


_PASSWORD = re.compile(
    r"(?<![A-Za-z0-9])(?:passwords?|passwd|pwd|passphrase|passcode|passwort|kennwort|contrase[ñn]a|mot de passe|senha)"
    r"[\"']?(?P<link>\s{0,2}[:=]\s{0,2}|\s{1,2}(?:is|was|ist|est|es|to)\s{1,2}|\s)[\"'`]?(?P<value>[^\s\"'`,;]{6,128})",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"[$%<{\[(*]|.*[({\[]|(?:os|process|env|config|self|settings)\.|https?:|/|\d+[-–.]?\d*(?:\W|$)", re.ASCII
)
_SYMBOL = re.compile(r"[!@#$%^&*?+=~_\-]", re.ASCII)


def _find_passwords(text: str) -> Iterator[Span]:
    if not holds_any(text, ("pass", "pwd", "kennwort", "contrase", "senha")):
        return
    for match in _PASSWORD.finditer(text):
        start, end = match.span("value")
        value = match["value"].rstrip(".!?):")
        strong = _LETTER.search(value) and (
            _DIGIT.search(value) or ((":" in match["link"] or "=" in match["link"]) and _SYMBOL.search(value))
        )
        if len(value) >= _SHORTEST_PASSWORD and strong and not _PLACEHOLDER.match(value):
            yield start, end - (len(match["value"]) - len(value))


_SHORTEST_PASSWORD = 6
_IN_URL = re.compile(
    r"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]{1,30}://[^\s:/@\"'<>]{0,128}:(?P<value>[^\s/@\"'<>]{3,256})@[\w.\-\[]",
    re.ASCII,
)


def _find_in_urls(text: str) -> Iterator[Span]:
    if "://" not in text:
        return
    for match in _IN_URL.finditer(text):
        if not _PLACEHOLDER.match(match["value"]):
            yield match.span("value")


_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----", re.ASCII)
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----", re.ASCII)
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=\s\\]{0,16384}+", re.ASCII)
_LONGEST_KEY = 16_384


def _find_private_keys(text: str) -> Iterator[Span]:
    position = 0
    while opening := _KEY_BLOCK.search(text, position):
        ending = _KEY_END.search(text, opening.end(), opening.end() + _LONGEST_KEY)
        # A key that was cut off is still a key: then everything that looks like its body counts.
        body = _KEY_BODY.match(text, opening.end())
        position = ending.end() if ending else (body or opening).end()
        yield opening.start(), position


RULES = (
    Rule("api_key_prefixed", "api_key", 0.98, _find_prefixed),
    Rule("json_web_token", "api_key", 0.98, _find_jwts),
    Rule("bearer_token", "api_key", 0.9, lambda text: _find_introduced(_BEARER, text)),
    Rule("assigned_secret", "api_key", 0.8, lambda text: _find_introduced(_ASSIGNED, text)),
    Rule("password_labelled", "api_key", 0.85, _find_passwords),
    Rule("password_in_url", "api_key", 0.97, _find_in_urls),
    Rule("private_key", "api_key", 0.99, _find_private_keys),
)
