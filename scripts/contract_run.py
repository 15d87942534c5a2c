"""Tries a running gateway against every document of the contract, with Schemathesis.

Bounded, with a fixed seed and in about a minute by default; `--long` takes more cases and a new seed.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

from scripts.steps import environment
from scripts.tree import ROOT
from smartflow.testing import LocalGateway

__all__ = ["BOUNDED", "SEED", "Result", "Run", "runs", "start", "try_service", "urls_of"]

SERVICES = ("bridge", "management", "compliance", "proxy")
SEED, LONG_SEEDS = 20260219, 2**31
_KEY = "the-key-of-the-contract-run"


class Run(NamedTuple):
    """One call of Schemathesis."""

    service: str
    options: tuple[str, ...]


class Result(NamedTuple):
    ok: bool
    summary: str
    output: str


def runs(examples: int) -> tuple[Run, ...]:
    """The calls that together try the whole contract."""
    return tuple(Run(service, ("--max-examples", str(examples))) for service in SERVICES)


BOUNDED = runs(15)


def start() -> LocalGateway:
    """A gateway that asks for a key, so that calls without one can be seen to fail."""
    return LocalGateway(api_key=_KEY)


def try_service(urls: Mapping[str, str], run: Run, seed: int, *, seconds: float) -> Result:
    """Try one service."""
    tool = [sys.executable, "-m", "schemathesis.cli", "run", f"openapi/{run.service}.yaml", "--url", urls[run.service]]
    options = ["--header", f"Authorization: Bearer {_KEY}", "--seed", str(seed), "--no-color", *run.options]
    done = subprocess.run(
        [*tool, *options], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=seconds, check=False
    )
    output = done.stdout + done.stderr
    found = re.findall(r"^\s*(\d+ generated.*)$", output, re.MULTILINE)
    return Result(done.returncode == 0 and bool(found), found[-1] if found else "it did not run", output)


def urls_of(gateway: LocalGateway) -> dict[str, str]:
    """The URL of each service."""
    return {
        "proxy": gateway.url,
        "management": gateway.management_url,
        "compliance": gateway.compliance_url,
        "bridge": gateway.bridge_url,
    }


def main() -> int:
    """Try all services; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="300 cases for each operation, and a new seed")
    parser.add_argument("--seed", type=int, help="repeat the run with this seed")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.randrange(LONG_SEEDS) if given.long else SEED  # noqa: S311
    planned = runs(300) if given.long else BOUNDED
    print(f"contract run: seed {seed}, {'long' if given.long else 'bounded'}", flush=True)
    began, failed = time.monotonic(), []
    with start() as gateway:
        for run in planned:
            since = time.monotonic()
            result = try_service(urls_of(gateway), run, seed, seconds=4 * 3600 if given.long else 600)
            state = "ok" if result.ok else "FAILED"
            print(f"  {run.service:<12} {state:<6} {time.monotonic() - since:5.0f} s  {result.summary}", flush=True)
            if not result.ok:
                failed.append(run.service)
                print(result.output)
    outcome = f"FAILED: {', '.join(dict.fromkeys(failed))}; repeat it with --seed {seed}" if failed else "OK"
    print(f"contract run: {outcome}, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
