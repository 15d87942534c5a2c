"""What is configured for the providers, under the names of their environment variables."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Dict, Iterator, Mapping, Optional

from .._core.secrets import Secret, reveal
from ..exceptions import ConfigError
from .keys import PROVIDER_SETTINGS, parse_text, variables_of
from .precedence import Resolved

__all__ = ["Variables", "given_providers"]


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


def given_providers(given: Optional[Mapping[str, str]]) -> Dict[str, Any]:
    """The checked argument `providers` of a client: settings such as `openai_api_key`, by the names of the file."""
    checked: Dict[str, Any] = {}
    for name, value in (given or {}).items():
        if name not in PROVIDER_SETTINGS:
            near = get_close_matches(str(name), PROVIDER_SETTINGS, 1)
            cure = f"did you mean {near[0]}?" if near else "its names are those of the file, such as openai_api_key"
            raise ConfigError(f"providers has no setting {str(name)[:40]!r}: {cure}")
        if not isinstance(value, (str, Secret)):
            raise ConfigError(f"providers[{name!r}] must be a string, not {type(value).__name__}")
        checked[name] = value if isinstance(value, Secret) else parse_text(name, value, f"providers[{name!r}]")
    return {name: value for name, value in checked.items() if value is not None}
