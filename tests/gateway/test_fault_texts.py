"""1 MB of text that is made to be slow for regular expressions: scanned, and blocked or let through, like any other."""

from __future__ import annotations

import pytest

from tests.support.checked import BLOCK, SSN, completion

SIZE = 999_900
PATTERNS = [
    "a",
    "1",
    "1-",
    "a@",
    "a@a.",
    "4111 1111 1111 1112 ",
    "1.1.",
    "a:",
    "=",
    "A1b2C3d4",
    " \n",
    "\u0660-",
    "+1 ",
    "//",
]


def slow(pattern):
    return (pattern * (SIZE // len(pattern) + 1))[:SIZE]


@pytest.fixture(scope="module")
def scanning(own_gateway):
    own_gateway.compliance.timeout = 60
    return own_gateway


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_scan_finds_what_stands_behind_it(scanning, pattern):
    answer = scanning.compliance.post("/api/compliance/scan", json={"content": f"{slow(pattern)} My SSN is {SSN}."})
    assert answer.status_code == 200
    assert "ssn" in answer.json()["violations"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_call_that_must_not_pass_is_blocked_behind_it(start_checked, provider, pattern):
    gateway = start_checked()
    gateway.proxy.timeout = 60
    provider.answer(200, completion("All done."))
    blocked = gateway.chat(f"{slow(pattern)} My SSN is {SSN}.", headers=BLOCK)
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (403, "compliance_blocked")
    assert provider.requests == []
