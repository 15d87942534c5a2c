"""What is known of the providers behind a gateway: their names and addresses, and the wire formats that they speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .dialect import Dialect, ProviderCall, StreamReader, Target, dialect_for
    from .table import ModelRef, ProviderSpec, parse_model, unknown_prefix
    from .targets import target_for

__all__ = [
    "Dialect",
    "ModelRef",
    "ProviderCall",
    "ProviderSpec",
    "StreamReader",
    "Target",
    "dialect_for",
    "parse_model",
    "target_for",
    "unknown_prefix",
]

# The gateway's router needs the table only, and a client behind a gateway none of them.
__getattr__, __dir__ = lazy(
    __name__,
    globals(),
    {
        "dialect": ("Dialect", "ProviderCall", "StreamReader", "Target", "dialect_for"),
        "table": ("ModelRef", "ProviderSpec", "parse_model", "unknown_prefix"),
        "targets": ("target_for",),
    },
)
