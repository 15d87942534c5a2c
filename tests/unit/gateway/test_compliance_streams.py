"""How much of a stream is held back, and how much work checking it is, whatever the provider sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.clock import CountingIds, SystemClock
from smartflow.gateway.compliance.enforcement import Guard, check_mode, strictest
from smartflow.gateway.compliance.engine import build_compliance
from smartflow.gateway.compliance.streams import HOLD, LONGEST_HOLD
from smartflow.gateway.store import Store

NOW = datetime(2026, 2, 1, tzinfo=UTC)


class Stream:
    """A guard with a counter of the characters that it had scanned, and chunks that it is given one by one."""

    def __init__(self, mode: str) -> None:
        self.store = Store(None)
        engine = build_compliance(self.store, SystemClock(), CountingIds(), None)
        self.call = SimpleNamespace(audit=AuditRecord("r", "t", "createChatCompletion", "chat"), now=NOW, user_id=None)
        self.guard = Guard(engine, cast(Any, self.call), mode, "enterprise_standard")
        self.scanned = 0
        screen = self.guard.screen_part

        def counting(text: str) -> Any:
            self.scanned += len(text)
            return screen(text)

        cast(Any, self.guard).screen_part = counting

    def told(self, pieces: list[str]) -> list[str]:
        """What the caller gets after each piece; the last entry is what comes at the end."""

        async def run() -> list[str]:
            got: list[list[str]] = [[]]

            async def source() -> AsyncIterator[dict[str, Any]]:
                for piece in pieces:
                    yield {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
                    got.append([])

            async for item in self.guard.stream(source()):
                got[-1].append(item["choices"][0]["delta"]["content"])
            return ["".join(texts) for texts in got]

        try:
            return asyncio.run(run())
        finally:
            self.store.close()


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def test_text_flows_while_it_is_told_and_only_its_end_is_held() -> None:
    text = "harmless words " * 200
    told = Stream("block").told(cut(text, 15))
    waiting, given, asked = 0, 0, 0
    for piece, shown in zip(cut(text, 15), told, strict=False):
        asked, given = asked + len(piece), given + len(shown)
        waiting = max(waiting, asked - given)
    assert "".join(told) == text
    assert HOLD <= waiting <= 2.5 * HOLD


@pytest.mark.parametrize(
    "pattern", ["word ", "7", "a", "eyJ", "4111 ", "ssn ", "\u6587", "a@", "-----BEGIN PRIVATE KEY-----"]
)
def test_checking_a_hostile_stream_is_linear_work(pattern: str) -> None:
    costs = []
    for size in (6_000, 60_000):
        stream = Stream("redact")
        stream.told(cut((pattern * size)[:size], 16))
        costs.append(stream.scanned)
    assert costs[1] < 25 * costs[0]
    assert costs[1] < 20 * 60_000


def test_a_run_without_end_is_let_go_when_it_is_longer_than_anything_a_rule_can_match() -> None:
    text = "a" * (2 * LONGEST_HOLD + 5_000)
    told = Stream("block").told(cut(text, 1_000))
    assert "".join(told) == text
    assert any(told[:-1])


def test_text_without_spaces_in_a_script_of_its_own_still_flows() -> None:
    told = Stream("block").told(cut("\u3053\u308c\u306f\u6587\u7ae0\u3067\u3059\u3002" * 200, 8))
    assert len([shown for shown in told[:-1] if shown]) > 5


def test_a_stream_with_thousands_of_finds_is_checked_to_the_end() -> None:
    text = "My SSN is 536-22-8145 and so on. " * 6_000
    told = "".join(Stream("redact").told(cut(text, 20_000)))
    assert told == text.replace("536-22-8145", "[SSN]")


def test_when_a_reader_leaves_the_audit_row_learns_what_was_seen() -> None:
    stream = Stream("redact")

    async def run() -> None:
        async def source() -> AsyncIterator[dict[str, Any]]:
            while True:
                yield {"choices": [{"index": 0, "delta": {"content": "SSN 536-22-8145. " + "words " * 80}}]}

        checked = stream.guard.stream(source())
        await cast(Any, checked).__anext__()
        await cast(Any, checked).aclose()

    asyncio.run(run())
    assert stream.call.audit.compliance_status == "violated"
    assert stream.call.audit.compliance["enforcement"]["answer"] == "redacted"
    stream.store.close()


@pytest.mark.parametrize(
    ("asked", "mode"),
    [
        ((), "off"), ((None, None), "off"), (("log", None), "log"), (("redact", "off"), "redact"),
        (("block", "redact", "log"), "block"),
    ],
)  # fmt: skip
def test_the_strictest_mode_wins(asked: tuple[str | None, ...], mode: str) -> None:
    assert strictest(*asked) == mode


def test_an_unknown_mode_is_an_error() -> None:
    with pytest.raises(ValueError, match="known are off, log, redact, block"):
        check_mode("none")
