"""`make test`: runs pytest over the whole tree and ends with one line of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from scripts.steps import environment
from scripts.tree import ROOT


def main() -> int:
    """Run the tests; returns pytest's exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="processes to spread the tests over; 0: this one alone")
    parser.add_argument("arguments", nargs="*", help="what pytest is given")
    given = parser.parse_args()
    # A module's tests share a gateway, so they stay together.
    spread = ["-n", str(given.workers), "--dist", "loadfile"] if given.workers else []
    print(f"test: all tests, {given.workers or 'no'} extra processes", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", *spread, *given.arguments]
    status = subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode
    print(
        f"test: {'OK' if status == 0 else f'FAILED, pytest ended with status {status}'}, {time.monotonic() - started:.0f} s"
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
