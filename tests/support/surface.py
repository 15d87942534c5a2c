"""What tests/contract/surface.toml says, for every Python that the client runs on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Dict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).resolve().parents[1] / "contract" / "surface.toml"

MANIFEST: Dict[str, Dict[str, Any]] = tomllib.loads(_FILE.read_text("utf-8"))
EXTRAS = MANIFEST["extras"]
LISTED = [
    (service, name, entry)
    for service, table in MANIFEST.items()
    if service != "extras"
    for name, entry in table.items()
]
BY_METHOD = {method: name for _, name, entry in LISTED for method in entry.get("methods", ())}
