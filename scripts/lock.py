"""`make lock`: resolves requirements-dev.lock anew from pyproject.toml, for every platform, with the hash of every file.

uv does it, in an environment that is thrown away; so this needs a network, and nothing else does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_RESOLVE = "pip compile --universal --python-version 3.11 --extra dev --generate-hashes pyproject.toml -o requirements-dev.lock"


def main() -> int:
    """Write the lock file; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "uv"], check=True)
            subprocess.run([f"{folder}/bin/uv", "--quiet", *_RESOLVE.split(), *sys.argv[1:]], check=True, cwd=ROOT)
        except subprocess.CalledProcessError as error:
            print(f"lock: FAILED: {' '.join(error.cmd)}", file=sys.stderr)
            return 1
    print("lock: OK, requirements-dev.lock is resolved; `make setup` installs it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
