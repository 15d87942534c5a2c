"""Runs the steps of a make target two at a time, and tells at the end which of them failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

from scripts.tree import ROOT

__all__ = ["Step", "environment", "run_steps"]

_SIDE_BY_SIDE = 2


class Step(NamedTuple):
    """One command of a target, and how long it may take."""

    name: str
    command: Sequence[str]
    seconds: float = 600.0


class Outcome(NamedTuple):
    status: int
    seconds: float
    output: str


def environment() -> dict[str, str]:
    """The environment of every step: the tools of this Python come first, and nothing looks for updates."""
    tools = os.path.dirname(sys.executable)
    quiet = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1", "FORCE_COLOR": "0"}
    return {**os.environ, **quiet, "PATH": os.pathsep.join((tools, os.environ.get("PATH", "")))}


def run_steps(target: str, steps: Sequence[Step]) -> int:
    """Run all steps, also after one has failed; the output of those that failed is shown. Returns the exit status."""
    started = time.monotonic()
    failed: list[str] = []
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        running = {pool.submit(_run, step): step for step in steps}
        for future in as_completed(running):
            step, outcome = running[future], future.result()
            print(
                f"  {step.name:<34} {'ok' if outcome.status == 0 else 'FAILED':<6} {outcome.seconds:6.1f} s", flush=True
            )
            if outcome.status:
                failed.append(step.name)
                print(f"--- {' '.join(step.command)}\n{outcome.output.rstrip()}\n---", flush=True)
    seconds = time.monotonic() - started
    if failed:
        print(f"{target}: FAILED in {seconds:.0f} s: {', '.join(sorted(failed))}")
        return 1
    print(f"{target}: OK, {len(steps)} checks in {seconds:.0f} s")
    return 0


def _run(step: Step) -> Outcome:
    started = time.monotonic()
    try:
        done = subprocess.run(
            step.command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=step.seconds,
            check=False,
        )
        return Outcome(done.returncode, time.monotonic() - started, done.stdout)
    except OSError as error:
        return Outcome(1, time.monotonic() - started, f"cannot be run: {error}")
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode("utf-8", "replace") if isinstance(error.stdout, bytes) else str(error.stdout or "")
        return Outcome(1, step.seconds, f"{said}\nstopped: it took longer than {step.seconds:.0f} s")
