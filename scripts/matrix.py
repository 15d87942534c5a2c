"""Runs the client's tests on every Python from 3.9 to 3.13 that this machine has, each in an environment of its own.

The gateway needs 3.11 or newer, so on all of them it runs with the Python of .venv.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.steps import environment
from scripts.tree import ROOT

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
# What does not need the gateway's packages or the generators: those run on the Python of .venv only.
_TESTS = ("tests/unit", "tests/hostile", "tests/direct", "tests/api", "tests/golden", "tests/cli")
_LEFT_OUT = ("tests/unit/gateway", "tests/unit/test_generated_server.py", "tests/unit/test_unasync.py")
_TOOLS = (
    "hypothesis>=6.100,<7",
    "pytest>=8.4,<10",
    "pytest-asyncio>=1.1,<2",
    "pytest-timeout>=2.4,<3",
    "pytest-xdist>=3.8,<4",
)
_SECONDS = 300


class Outcome(NamedTuple):
    version: str
    ok: bool
    line: str


def pythons() -> Iterator[tuple[str, str]]:
    """Each version that is there, with its interpreter; pyenv's come before those on the PATH."""
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    for version in VERSIONS:
        inside = sorted(path for root in roots for path in root.glob(f"{version}.*/bin/python{version}"))
        candidates = [*map(str, reversed(inside)), shutil.which(f"python{version}")]
        for python in filter(None, candidates):
            probe = [python, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
            done = subprocess.run(probe, capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                yield version, python
                break


def prepare(version: str, python: str) -> Path:
    """The interpreter of an environment with the SDK's own dependencies and pytest; quick when nothing changed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *_TOOLS]
    folder = ROOT / ".venvs" / version
    inside, stamp = folder / "bin" / "python", folder / "matrix.sha256"
    fingerprint = hashlib.sha256(repr((python, wanted)).encode()).hexdigest()
    if not (stamp.is_file() and inside.exists() and stamp.read_text("utf-8") == fingerprint):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True, capture_output=True, text=True)
        install = [str(inside), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *wanted]
        subprocess.run(install, check=True, capture_output=True, text=True)
        stamp.write_text(fingerprint, "utf-8")
    return inside


def run(version: str, inside: Path) -> Outcome:
    """The client's tests on one Python."""
    # Without the plugin's entry point: the SDK is not installed here, it comes from the checkout.
    tests = [name for name in _TESTS if any((ROOT / name).rglob("test_*.py"))]
    left_out = [f"--ignore={name}" for name in _LEFT_OUT]
    options = [
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-p",
        "smartflow.testing.plugin",
        "-p",
        "no:cacheprovider",
        *left_out,
    ]
    settings = {
        **environment(),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "generated"))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SMARTFLOW_GATEWAY_PYTHON": sys.executable,
    }
    try:
        done = subprocess.run(
            [str(inside), "-m", "pytest", *options, *tests],
            cwd=ROOT,
            env=settings,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(version, False, f"stopped after {_SECONDS} s")
    if done.returncode:
        print(done.stdout[-20_000:] + done.stderr[-2_000:])
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()[-200:]]
    return Outcome(version, done.returncode == 0, last[0])


def main() -> int:
    """Run everything; returns the exit status."""
    began = time.monotonic()
    found = dict(pythons())
    missing = [version for version in VERSIONS if version not in found]
    print(
        f"matrix: Python {', '.join(found)}" + (f"; not on this machine: {', '.join(missing)}" if missing else ""),
        flush=True,
    )
    outcomes = []
    for version, python in found.items():
        try:
            outcomes.append(run(version, prepare(version, python)))
        except subprocess.CalledProcessError as error:
            outcomes.append(Outcome(version, False, f"no environment: {str(error.stderr).strip()[-500:]}"))
        last = outcomes[-1]
        print(f"  {version:<6}{'ok' if last.ok else 'FAILED':<8}{last.line}", flush=True)
    failed = [outcome.version for outcome in outcomes if not outcome.ok]
    seconds = time.monotonic() - began
    if failed or not outcomes:
        print(f"matrix: FAILED on {', '.join(failed) or 'finding a Python'}, {seconds:.0f} s")
        return 1
    print(f"matrix: OK, {len(outcomes)} versions in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
