"""The only door to UNSET: in the public face None means "not given", on the wire UNSET does."""

from __future__ import annotations

from typing import Optional, TypeVar, Union

from smartflow_generated.types import UNSET, Unset

__all__ = ["opt"]

T = TypeVar("T")


def opt(value: Optional[T]) -> Union[T, Unset]:
    """The value, or UNSET for None."""
    return UNSET if value is None else value
