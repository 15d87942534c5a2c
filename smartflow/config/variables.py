"""What is configured for the providers, under the names of their environment variables."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping

from .._core.secrets import reveal
from .keys import PROVIDER_SETTINGS, variables_of
from .precedence import Resolved

__all__ = ["Variables"]


class Variables(Mapping[str, str]):
    """A read-only mapping of variables to values, whichever source a value came from; its repr shows none of them."""

    def __init__(self, resolved: Resolved) -> None:
        self._values: Dict[str, Any] = {}
        self._places: Dict[str, str] = {}
        for name in PROVIDER_SETTINGS:
            setting = resolved[name]
            if setting.value is not None:
                variable = variables_of(name)[0]
                self._values[variable], self._places[variable] = setting.value, setting.place

    def place(self, variable: str) -> str:
        """Where a value stands, for messages: the variable itself, or a line of the file."""
        return self._places.get(variable, variable)

    def __getitem__(self, variable: str) -> str:
        return reveal(self._values[variable])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Variables {', '.join(self._values)}>"
