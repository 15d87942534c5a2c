"""Lists every operation of the contract: its methods in the SDK, its handler in the gateway or 501, and a test in which it succeeds."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from scripts.tree import ROOT
from smartflow.gateway.contract import load_contract

__all__ = ["Row", "rows"]

_MANIFEST = ROOT / "tests" / "contract" / "surface.toml"


class Row(NamedTuple):
    """Where one operation lives; what is empty is missing."""

    service: str
    operation: str
    methods: str
    handler: str
    tests: int

    @property
    def complete(self) -> bool:
        """True when there is a method, a handler and a test."""
        return bool(self.methods and self.handler and self.tests)


def rows(manifest: dict[str, Any]) -> Iterator[Row]:
    """Every declared operation, with what the manifest and the gateway's registry say of it."""
    contract = load_contract()
    for service, declared in contract.routes.items():
        for route in declared:
            entry = manifest.get(service, {}).get(route.operation_id, {})
            handler = contract.handler(route.operation_id)
            place = f"{handler.__module__}:{handler.__qualname__}" if handler else ""
            methods = ", ".join(entry.get("methods", ()))
            yield Row(
                service,
                route.operation_id,
                methods,
                place.removeprefix("smartflow.gateway."),
                len(entry.get("tests", ())),
            )


def main() -> int:
    """Print the list; returns the exit status, which is 0 also while operations wait for their handlers."""
    try:
        manifest = tomllib.loads(_MANIFEST.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        print(f"contract: FAILED: cannot read {_MANIFEST.relative_to(ROOT)}: {error}", file=sys.stderr)
        return 1
    found = list(rows(manifest))
    print(f"{'service':<12}{'operation':<26}{'handler':<46}{'tests':<7}SDK methods")
    for row in found:
        print(
            f"{row.service:<12}{row.operation:<26}{row.handler or '501':<46}{row.tests or '-':<7}{row.methods or '-'}"
        )
    complete, waiting = sum(row.complete for row in found), sum(not row.handler for row in found)
    print(f"contract: OK, {len(found)} operations: {complete} complete, {waiting} answer 501")
    return 0


if __name__ == "__main__":
    sys.exit(main())
