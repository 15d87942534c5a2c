"""Says which public names of the package have a type that users' checkers would have to guess (`pyright --verifytypes`)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from scripts.steps import environment
from scripts.tree import ROOT

# Run by users as a program, not imported: it has no public types.
_NOT_PUBLIC = ("smartflow.gateway", "smartflow.cli")
# Hooks of the import system, not names that anybody uses.
_HOOKS = ("__getattr__", "__dir__")


def main() -> int:
    """Print every public name without a known type; returns the exit status."""
    command = [sys.executable, "-m", "pyright", "--verifytypes", "smartflow", "--ignoreexternal", "--outputjson"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    try:
        symbols: list[dict[str, Any]] = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    except (ValueError, KeyError):
        print(f"verify_types: FAILED, pyright said: {(done.stdout + done.stderr).strip()}")
        return 1
    public = [symbol for symbol in symbols if symbol["isExported"] and _is_public(symbol["name"])]
    unknown = [symbol for symbol in public if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]]
    for symbol in unknown:
        reasons = "; ".join(each["message"].partition("\n")[0] for each in symbol["diagnostics"])
        print(f"  {symbol['name']}: {reasons or 'its type is not fully known'}")
    if unknown or not public:
        print(f"verify_types: FAILED, {len(unknown)} of {len(public)} public names")
        return 1
    print(f"verify_types: OK, the types of all {len(public)} public names are known")
    return 0


def _is_public(name: str) -> bool:
    return not name.startswith(_NOT_PUBLIC) and name.rpartition(".")[2] not in _HOOKS


if __name__ == "__main__":
    sys.exit(main())
