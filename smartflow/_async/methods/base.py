"""What all method groups have: the session."""

from __future__ import annotations

from typing import Any, Dict, List

from ...exceptions import ResponseValidationError
from ..session import AsyncSession

__all__ = ["AsyncMethods", "as_dict", "rows_of", "unwrapped"]


class AsyncMethods:
    """A stateless group of methods; the client that inherits it owns the session."""

    _session: AsyncSession


def as_dict(body: Any, reply: Any = None) -> Any:
    """The object that the answer must be."""
    if not isinstance(body, dict):
        raise ResponseValidationError(f"the answer is not an object but {type(body).__name__}", body=body)
    return body


def unwrapped(body: Any, key: str = "data") -> Dict[str, Any]:
    """The object itself, or the one in its envelope."""
    inner = as_dict(body).get(key)
    return inner if isinstance(inner, dict) else body


def rows_of(body: Any, key: str) -> List[Any]:
    """The rows of a list answer: under their name, under `data`, or the body itself; anything else is an error."""
    if isinstance(body, dict):
        for name in (key, "data"):
            if isinstance(body.get(name), list):
                rows: List[Any] = body[name]
                return rows
    elif isinstance(body, list):
        return body
    raise ResponseValidationError(f"the answer has no list `{key}`", body=body)
