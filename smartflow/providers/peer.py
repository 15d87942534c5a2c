"""A provider as the one who answers a call: its error bodies read, its errors worded with the cure."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .._core.peer import Peer
from .dialect import Target
from .errors import read_error
from .table import PROVIDERS, ProviderSpec

__all__ = ["ProviderPeer"]

# Where there is usually a program to start, not an account.
_PROGRAMS = {"ollama": "`ollama serve` starts it", "local": "start your server"}


class ProviderPeer(Peer):
    """The provider of one target. `place` says where its key stands: a variable, or a line of a file."""

    def __init__(self, target: Target, place: str) -> None:
        self.spec: ProviderSpec = PROVIDERS[target.provider]
        self.provider: Optional[str] = target.provider
        self._model = target.model
        self._place = place

    def error_body(self, status: int, body: Any) -> Mapping[str, Any]:
        return read_error(self.spec, status, body)

    def cure(self, status: int) -> str:
        title = self.spec.title
        if status in (401, 403):
            return f"check the key of {title} in {self._place}"
        if status == 404 and self._model:
            return f"is {self._model} a model of {title}? `smartflow models` lists those that can be called"
        if status == 429:
            return f"this is a limit of your account at {title}: wait, or raise it there"
        if status >= 500:
            return f"{title} has trouble or is overloaded: try again later, or use a model of another provider"
        return ""

    def unreachable(self, url: str) -> str:
        start = _PROGRAMS.get(self.spec.name)
        if start:
            return f"is {self.spec.title} running? {start}; {self.spec.base_url_variable} names another address"
        return f"check the network, HTTPS_PROXY and {self.spec.base_url_variable}"
