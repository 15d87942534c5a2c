"""Makes the strings, numbers and other single values that schema samples are built of."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any

from smartflow.gateway.offline.errors import SchemaError
from smartflow.gateway.offline.pattern import parse
from smartflow.gateway.offline.reading import clean
from smartflow.gateway.offline.schema_check import count, number

MAX_LENGTH = 100_000
_VARIANTS = 40


def values(kind: str, schema: dict[str, Any], name: str) -> Iterator[Any]:
    """Values of the scalar type that probably satisfy the plain schema, the plainest first."""
    if kind == "string":
        return strings(schema, name)
    if kind in ("integer", "number"):
        return numbers(schema, whole=kind == "integer")
    return iter((True, False) if kind == "boolean" else (None,))


def strings(schema: dict[str, Any], name: str) -> Iterator[str]:
    """Strings for the schema's pattern, format and lengths, named after the property."""
    least = count(schema, "minLength", 0)
    if least > MAX_LENGTH:
        raise SchemaError("minLength", f"asks for {least} characters; at most {MAX_LENGTH} are made")
    most = count(schema, "maxLength", MAX_LENGTH)
    if "pattern" in schema:
        yield from _by_pattern(schema["pattern"], least, most)
    yield from _by_format(schema.get("format"), least)
    words = f"offline {clean(name).replace('_', ' ').strip() or 'value'}"
    for at in range(_VARIANTS):
        text = words if at == 0 else f"{at} {words}" if most > 8 else _short(at - 1)
        yield text[:most].strip().ljust(least, ".")


def _short(at: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return letters[at % 26] + (str(at // 26) if at >= 26 else "")


def _by_pattern(pattern: Any, least: int, most: int) -> Iterator[str]:
    if not isinstance(pattern, str):
        raise SchemaError("pattern", "must be a string")
    parsed = parse(pattern)
    for extra in dict.fromkeys((1, 0, 2, 3, 5, 7, 9, 15, 31, least, max(least - 1, 0), max(least - 2, 0))):
        for choice in range(12):
            text = parsed.sample(extra, choice)
            if len(text) < least and not parsed.to_end:
                text = text.ljust(least, "x")
            if least <= len(text) <= most:
                yield text


def _by_format(name: Any, least: int) -> Iterator[str]:
    for at in range(_VARIANTS):
        day = f"2024-{at // 28 + 1:02d}-{at % 28 + 1:02d}"
        pad = "x" * max(0, least - 16)
        found = {
            "date-time": f"{day}T09:00:00Z",
            "date": day,
            "time": f"09:{at:02d}:00Z",
            "duration": f"PT{at + 1}H",
            "email": f"user{at or ''}{pad}@example.com",
            "hostname": f"host{at or ''}.example.com",
            "ipv4": f"192.0.2.{at + 1}",
            "ipv6": f"2001:db8::{at + 1:x}",
            "uuid": f"00000000-0000-4000-8000-{at + 1:012d}",
            "uri": f"https://example.com/{at or ''}{pad}",
        }
        found["url"] = found["uri-reference"] = found["iri"] = found["uri"]
        if isinstance(name, str) and name in found:
            yield found[name]
    yield from {"email": ("a@b.co", "a@b"), "uri": ("urn:a", "a:b")}.get(name if isinstance(name, str) else "", ())


def numbers(schema: dict[str, Any], *, whole: bool) -> Iterator[int | float]:
    """Numbers inside the schema's bounds, on its steps."""
    low, above = _bound(schema, "minimum", "exclusiveMinimum", max)
    high, below = _bound(schema, "maximum", "exclusiveMaximum", min)
    step = number(schema["multipleOf"], "multipleOf") if "multipleOf" in schema else None
    if step is not None and step <= 0:
        raise SchemaError("multipleOf", "must be greater than 0")
    if whole:
        step = Fraction(lcm(step.numerator, step.denominator), step.denominator) if step else Fraction(1)
    found = _reals(low, high) if step is None else _steps(step, low, high)
    for value in found:
        outside = (low is not None and (value < low or (above and value == low))) or (
            high is not None and (value > high or (below and value == high))
        )
        if not outside:
            yield int(value) if value.denominator == 1 and (step is not None or whole) else _float(value)
    # Nothing fitted, or all was refused: a bound itself lets the check name the keyword at fault.
    if low is not None or high is not None:
        bound = low if low is not None else high or Fraction(0)
        yield ceil(bound) if whole else _float(bound)


def _bound(schema: dict[str, Any], closed: str, opened: str, pick: Any) -> tuple[Fraction | None, bool]:
    found = {key: number(schema[key], key) for key in (closed, opened) if key in schema}
    if not found:
        return None, False
    bound = pick(found.values())
    return bound, found.get(opened) == bound


def _steps(step: Fraction, low: Fraction | None, high: Fraction | None) -> Iterator[Fraction]:
    if low is None and high is not None and high < step:
        first, direction = floor(high / step), -1
    else:
        wished = low is None or (low <= step and (high is None or high >= step))
        first, direction = 1 if wished or low is None else ceil(low / step), 1
    places = [first + direction * at for at in range(_VARIANTS)]
    if direction == 1 and low is not None:
        places += [place for place in range(ceil(low / step), ceil(low / step) + _VARIANTS) if place not in places]
    # Validators divide floats; 0.3 / 0.1 is no whole number to them, so steps that divide cleanly come first.
    yield from (step * place for place in sorted(places, key=lambda place: not _divides(step * place, step)))


def _divides(value: Fraction, step: Fraction) -> bool:
    return (_float(value) / (_float(step) or 1.0)).is_integer()


def _reals(low: Fraction | None, high: Fraction | None) -> Iterator[Fraction]:
    yield Fraction(3, 2)
    yield Fraction(1, 2)
    if low is not None and high is not None:
        yield from (low + (high - low) * part / 64 for part in range(32, 64))
        yield from (low, high)
        return
    start, direction = (low, 1) if low is not None else (high, -1) if high is not None else (Fraction(0), 1)
    yield from (start + direction * at for at in range(_VARIANTS))


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        raise SchemaError("minimum", "asks for a number beyond what floating point holds") from None
