"""The only door to UNSET: `opt()` on the way out, `val()` on the way in."""

from __future__ import annotations

from typing import Optional, TypeVar, Union

from smartflow_generated.types import UNSET, Unset

__all__ = ["opt", "val"]

T = TypeVar("T")


def opt(value: Optional[T]) -> Union[T, Unset]:
    """The value, or UNSET for None: in the public face None means "not given"."""
    return UNSET if value is None else value


def val(value: Union[T, Unset, None]) -> Optional[T]:
    """The value, or None for UNSET."""
    return None if isinstance(value, Unset) else value
