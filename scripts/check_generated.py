"""Generates anew in a temporary folder and says which generated files of the repository are not what comes out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from scripts import unasync
from scripts.bundle import ContractError
from scripts.generate import PACKAGE, SYNC_TREES, build
from scripts.generators import GeneratorFailed
from scripts.tree import MARKER, ROOT, files_of

__all__ = ["claims", "compare", "main"]

_SKIPPED = {".git", ".venv", ".venvs", "__pycache__", "build", "dist", "node_modules"}
_FINGERPRINT = re.compile(rb"\(scripts/unasync\.py, ([0-9a-f]{16})\)")


def main() -> int:
    """Print every difference, then one line."""
    fresh = Path(tempfile.mkdtemp(prefix="generated-"))
    try:
        with redirect_stdout(StringIO()):
            build(fresh)
        problems = [*compare(fresh, ROOT), *claims(ROOT)]
    except (ContractError, GeneratorFailed, unasync.RuleError, subprocess.CalledProcessError) as error:
        print(f"check_generated: FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    for problem in problems:
        print(f"  {problem}")
    if problems:
        print(f"check_generated: FAILED, {len(problems)} file(s): run `make generate`, and edit only what it reads")
        return 1
    print("check_generated: OK, everything generated is current")
    return 0


def compare(fresh: Path, root: Path) -> Iterator[str]:
    """What differs between the trees that were just generated below `fresh` and those below `root`."""
    for tree in (PACKAGE, *SYNC_TREES):
        wanted, found = files_of(fresh / tree), files_of(root / tree)
        outdated = tree == PACKAGE and _inputs(wanted) != _inputs(found)
        for name in sorted({*wanted, *found}):
            if name not in found:
                yield f"missing:     {tree}/{name}"
            elif name not in wanted:
                yield f"orphaned:    {tree}/{name}"
            elif wanted[name] != found[name]:
                stale = outdated or _fingerprint(wanted[name]) != _fingerprint(found[name])
                yield f"{'stale:      ' if stale else 'hand-edited:'} {tree}/{name}"


def claims(root: Path) -> Iterator[str]:
    """Files outside of the generated trees that claim to be generated."""
    trees = [root / tree for tree in (PACKAGE, *SYNC_TREES)]
    for path in _python_files(root):
        if not any(path.is_relative_to(tree) for tree in trees):
            with path.open("rb") as file:
                if file.read(len(MARKER)) == MARKER.encode():
                    yield f"orphaned:    {path.relative_to(root).as_posix()} (generated, but not here)"


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if path.name not in _SKIPPED and not path.name.startswith(".generate-"):
                yield from _python_files(path)
        elif path.suffix == ".py":
            yield path


def _inputs(files: dict[str, bytes]) -> object:
    """What the stamp among these files says that they were made from."""
    try:
        return json.loads(files.get("STAMP.json", b"null"))
    except ValueError:
        return None


def _fingerprint(content: bytes) -> bytes:
    match = _FINGERPRINT.search(content.split(b"\n", 1)[0])
    return match[1] if match else b""


if __name__ == "__main__":
    sys.exit(main())
