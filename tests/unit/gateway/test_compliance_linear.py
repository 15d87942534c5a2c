"""No rule takes more than linear time, whatever the text: the cost of a character is compared between two sizes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from smartflow.gateway.compliance.detectors import candidates
from smartflow.gateway.compliance.finding import KINDS

GROWTH = 10
GENEROUS = 4.0  # a linear rule comes to about 1, a quadratic one to about GROWTH


def growth_per_character(scan: Callable[[str], object], pattern: str, size: int) -> float:
    """How many times dearer a character becomes when the text grows tenfold, in CPU time of this thread."""

    def cost(length: int, tries: int) -> float:
        text = (pattern * (length // len(pattern) + 1))[:length]
        spent = []
        for _ in range(tries):
            started = time.thread_time_ns()
            scan(text)
            spent.append(time.thread_time_ns() - started)
        return min(spent) / length

    small = cost(size, 5)
    return cost(size * GROWTH, 2) / small


def scan_all(text: str) -> object:
    return candidates(text, KINDS)


@pytest.mark.parametrize("pattern", ["a", "7", "-", "@", "."])
def test_200_kb_of_one_character_cost_about_as_much_per_byte_as_20_kb(pattern: str) -> None:
    assert growth_per_character(scan_all, pattern, 20_000) < GENEROUS


@pytest.mark.parametrize(
    "pattern",
    [
        "1-",
        "4 ",
        "a@",
        "a@a.",
        "+1 ",
        "+1111111 ",
        "00",
        "555-867-5309 ",
        "4111 1111 1111 1112 ",
        "ab12 ",
        "GB29 ",
        "DE89370400440532013001 ",
        "1.1.",
        "a:",
        ":",
        "ssn ",
        "ssn 123456789, ",
        "call ",
        "dob 1",
        "passport ",
        "Bearer ",
        "eyJ",
        ".eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "sk-",
        "\u200b1",
        "\u0663",
        " ",
        "\n",
        "api key ",
        "MRN 1-1-1-1 ",
        "driver's license A-A-A-",
        "license no. TX ",
        "password is a",
        "pwd=",
        "a://b:c",
        "dni 1234567",
        "AB 12 34 56 ",
        "111.111.111-",
        "85.07.30-033.",
        "passport no of the (US) ",
        "+12345678901 ",
    ],
)
def test_hostile_repetitions_are_scanned_in_linear_time(pattern: str) -> None:
    assert growth_per_character(scan_all, pattern, 6_000) < GENEROUS


def test_the_measure_notices_a_quadratic_rule() -> None:
    quadratic = re.compile(r"[a-z]+@")
    assert growth_per_character(quadratic.findall, "a", 1_500) > GENEROUS
