"""Who answers a call, as far as the words of errors depend on it: the gateway, or in direct mode a provider."""

from __future__ import annotations

import re
from typing import Any, Optional

__all__ = ["GATEWAY", "Peer"]

_LOOPBACK = re.compile(r"https?://(localhost|127\.|\[::1\])")


class Peer:
    """The gateway. A provider's peer translates its error bodies and knows other cures."""

    provider: Optional[str] = None

    def error_body(self, status: int, body: Any) -> Any:
        """The body of an error answer (decoded JSON, else text) in one of the shapes that `error_for_reply` reads."""
        return body

    def cure(self, status: int) -> str:
        """What the user can do about this status, beyond what the answer says; empty for nothing."""
        return ""

    def unreachable(self, url: str) -> str:
        """What the user can do when no connection comes about; empty for nothing."""
        return "is the gateway running? `smartflow serve` starts a local one" if _LOOPBACK.match(url) else ""


GATEWAY = Peer()
