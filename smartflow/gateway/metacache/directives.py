"""What one request says about the cache, in headers or in its body's `cache` object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smartflow.gateway.metacache.settings import MAX_TTL_SECONDS


@dataclass(frozen=True)
class CachePolicy:
    """What the caller allows. `ttl` and `max_age` are seconds: how long the new answer is kept, and how old a found one may be."""

    read: bool = True
    write: bool = True
    ttl: int | None = None
    max_age: int | None = None
    namespace: str = ""


def cache_policy(headers: Mapping[str, Any], body: Mapping[str, Any] | None = None) -> CachePolicy:
    """The policy of a request. A header beats the body; `no-cache` and `no-store` hold wherever they stand."""
    asked = body or {}
    words = [word.strip().lower() for word in str(headers.get("cache-control") or "").split(",")]
    no_store = "no-store" in words or bool(asked.get("no-store"))
    no_cache = no_store or "no-cache" in words or bool(asked.get("no-cache"))
    ages = [int(word[8:]) for word in words if word.startswith("max-age=") and word[8:].isdecimal() and len(word) < 20]
    ttl, namespace = headers.get("x-smartflow-cache-ttl"), headers.get("x-smartflow-cache-namespace")
    return CachePolicy(
        read=not no_cache,
        write=not no_store,
        ttl=min(int(ttl), MAX_TTL_SECONDS) if ttl else asked.get("ttl"),
        max_age=min(ages, default=None),
        namespace=str(namespace or asked.get("namespace") or ""),
    )
