"""Progress: one line on a terminal, one output in a notebook, nothing in a log file."""

from __future__ import annotations

import io
import sys
import types
from typing import Any, List

import pytest

from smartflow import BatchSummary, ConfigError, Usage
from smartflow._io.progress import bar, reporter_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def summary(done: int, **facts: Any) -> BatchSummary:
    return BatchSummary(10, succeeded=done, **facts)


def test_a_line_tells_what_is_done_and_what_it_took() -> None:
    spent = {"usage": Usage(total_tokens=1234), "cost_cents": 12.5, "calls": 4, "cached": 1}
    line = bar(summary(4, failed=1, duration_seconds=10.0, **spent))
    assert line == "[############............] 5/10   50%  1 failed  1,234 tokens  $0.1250  25% cached  0:10 left"
    assert bar(BatchSummary(0)) == "[########################] 0/0  100%  0 tokens"
    # What earlier runs did says nothing about how fast this one is.
    assert bar(summary(5, resumed=5, duration_seconds=3.0)).endswith("0 tokens")


def test_a_terminal_gets_one_line_that_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    reporter = reporter_of(True)
    assert reporter is not None
    for done in range(1, 11):
        reporter.show(summary(done))
    reporter.close(summary(10))
    first, *_, last = terminal.getvalue().split("\r")[1:]
    assert first.startswith("\x1b[K[##......") and last.startswith("\x1b[K[########")
    assert last.endswith("\n") and "10/10" in last
    assert len(last) <= 60 + len("\x1b[K")


def test_a_log_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert reporter_of(True) is None
    assert reporter_of(None) is reporter_of(False) is None


def test_a_notebook_gets_one_output_that_is_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: List[Any] = []

    class Handle:
        def update(self, data: Any, raw: bool) -> None:
            shown.append(data)

    def display(data: Any, raw: bool, display_id: bool) -> Handle:
        shown.append(data)
        return Handle()

    python, displays = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    python.get_ipython = lambda: types.SimpleNamespace(kernel=1)  # type: ignore[attr-defined]
    displays.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", python)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    reporter = reporter_of(True)
    assert reporter is not None
    reporter.show(summary(1))
    reporter.close(summary(10))
    assert ["1/10" in shown[0]["text/plain"], "10/10" in shown[1]["text/plain"]] == [True, True]


def test_a_function_gets_every_summary() -> None:
    told: List[BatchSummary] = []
    reporter = reporter_of(told.append)
    assert reporter is not None
    reporter.show(summary(1))
    reporter.close(summary(1))
    assert told == [summary(1)]
    with pytest.raises(ConfigError, match="progress must be True, False or a function, not int"):
        reporter_of(1)  # type: ignore[arg-type]
