"""Makes .venv: what requirements-dev.lock pins, by hash, and the project itself. Does nothing when nothing changed.

It runs with whatever python3 the machine has, so it needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts" if os.name == "nt" else "bin") / "python"
LOCK, PROJECT = ROOT / "requirements-dev.lock", ROOT / "pyproject.toml"
STAMP = VENV / "setup.sha256"
LOWEST = (3, 11)


def main() -> int:
    """Set the environment up; returns the exit status."""
    if sys.version_info < LOWEST:
        print(
            f"setup: FAILED: the development environment needs Python {LOWEST[0]}.{LOWEST[1]} or newer, "
            f"but {sys.executable} is {sys.version.split()[0]}.\n"
            "Install a newer one and name it: make setup PYTHON=python3.12",
            file=sys.stderr,
        )
        return 1
    wanted = fingerprint()
    if STAMP.is_file() and PYTHON.exists() and STAMP.read_text("utf-8") == wanted:
        print("setup: OK, .venv is current")
        return 0
    try:
        make_venv()
        STAMP.unlink(missing_ok=True)
        print(f"setup: installing {LOCK.name} into .venv")
        pip("install", "--require-hashes", "--requirement", str(LOCK))
        print("setup: installing the project itself")
        pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    except subprocess.CalledProcessError as error:
        print(f"setup: FAILED: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    STAMP.write_text(wanted, "utf-8")
    print("setup: OK, .venv is ready")
    return 0


def fingerprint() -> str:
    """One hash over everything that decides what .venv must hold, and where."""
    total = hashlib.sha256(repr((sys.version_info[:2], str(ROOT))).encode())
    for path in (LOCK, PROJECT, Path(__file__)):
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def make_venv() -> None:
    """A fresh .venv, unless the one that is there belongs to this Python."""
    if PYTHON.exists():
        version = subprocess.run(
            [str(PYTHON), "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
        if version.stdout.strip() == str(tuple(sys.version_info[:2])):
            return
    if VENV.exists():
        print("setup: .venv is broken or of another Python, and is made anew")
        shutil.rmtree(VENV)
    print(f"setup: making .venv with {sys.executable}")
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if done.returncode:
        print(
            "setup: python3 cannot make environments; on Debian and Ubuntu: apt-get install python3-venv",
            file=sys.stderr,
        )
        raise subprocess.CalledProcessError(done.returncode, done.args)


def pip(*arguments: str) -> None:
    """Run pip of .venv; quiet unless it fails."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
