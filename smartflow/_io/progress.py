"""Shows how far a batch is: one line on a terminal, which is written anew, or one output of a notebook's cell."""

from __future__ import annotations

import shutil
import sys
import time
from importlib import import_module
from typing import Any, Callable, Optional, Union

from ..exceptions import ConfigError
from ..types.batch import BatchSummary

__all__ = ["Reporter", "bar", "reporter_of"]

SECONDS = 0.1
WIDTH = 24


class Reporter:
    """Tells somebody about each ended item."""

    def __init__(self, tell: Callable[[BatchSummary], None]) -> None:
        self._tell = tell

    def show(self, summary: BatchSummary) -> None:
        """An item has ended."""
        self._tell(summary)

    def close(self, summary: BatchSummary) -> None:
        """The batch has ended, or was broken off."""


class _Bar(Reporter):
    """A line that is shown at most ten times a second."""

    def __init__(self, tell: Callable[[BatchSummary], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(tell)
        self._clock = clock
        self._shown: Optional[float] = None

    def show(self, summary: BatchSummary) -> None:
        now = self._clock()
        if self._shown is None or now - self._shown >= SECONDS:
            self._shown = now
            self._tell(summary)

    def close(self, summary: BatchSummary) -> None:
        self._tell(summary)


class _Terminal(_Bar):
    def __init__(self, stream: Any) -> None:
        super().__init__(self._write)
        self._stream = stream

    def _write(self, summary: BatchSummary) -> None:
        columns = shutil.get_terminal_size().columns
        self._stream.write("\r\x1b[K" + bar(summary)[: columns - 1])
        self._stream.flush()

    def close(self, summary: BatchSummary) -> None:
        super().close(summary)
        self._stream.write("\n")
        self._stream.flush()


class _Notebook(_Bar):
    def __init__(self, display: Callable[..., Any]) -> None:
        super().__init__(self._write)
        self._display = display
        self._handle: Any = None

    def _write(self, summary: BatchSummary) -> None:
        shown = {"text/plain": bar(summary)}
        if self._handle is None:
            self._handle = self._display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def reporter_of(progress: Union[bool, Callable[[BatchSummary], None], None]) -> Optional[Reporter]:
    """Who is told: a function of the caller, a notebook or a terminal; nobody where there is neither."""
    if callable(progress):
        return Reporter(progress)
    if progress is not None and not isinstance(progress, bool):
        raise ConfigError(f"progress must be True, False or a function, not {type(progress).__name__}")
    if not progress:
        return None
    display = _notebook()
    if display is not None:
        return _Notebook(display)
    return _Terminal(sys.stderr) if sys.stderr.isatty() else None


def _notebook() -> Optional[Callable[..., Any]]:
    """The display function of the notebook that the program runs in, if it runs in one."""
    # Only a notebook has loaded IPython already; nobody else shall pay for its import.
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python is not None and hasattr(python, "get_ipython") else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    display: Callable[..., Any] = import_module("IPython.display").display
    return display


def bar(summary: BatchSummary) -> str:
    """A summary as one line."""
    share = summary.done / summary.total if summary.total else 1.0
    filled = int(share * WIDTH)
    facts = [f"{summary.done}/{summary.total}", f"{share:4.0%}"]
    if summary.failed:
        facts.append(f"{summary.failed} failed")
    facts.append(f"{summary.usage.total_tokens:,} tokens")
    if summary.cost_cents:
        facts.append(f"${summary.cost_cents / 100:.4f}")
    if summary.cached:
        facts.append(f"{summary.cache_hit_rate:.0%} cached")
    fresh = summary.done - summary.resumed
    if fresh > 0 and summary.duration_seconds > 0:
        left = (summary.total - summary.done) * summary.duration_seconds / fresh
        facts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] " + "  ".join(facts)
