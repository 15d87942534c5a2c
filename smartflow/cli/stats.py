"""`smartflow stats`: figures of the cache and of each provider."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from smartflow.cli.common import OK, aligned, command_parser, make_client, print_json

if TYPE_CHECKING:
    from smartflow import CacheStats, ProviderHealth


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser("stats", "Shows what MetaCache saved, and how each provider does.")
    parser.add_argument("--json", action="store_true", help="print a JSON object with `cache` and `providers`")
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the figures; returns the exit status."""
    with make_client(options) as sf:
        cache, providers = sf.get_cache_stats(), sf.get_provider_health()
    if options.json:
        print_json({"cache": cache.to_dict(), "providers": [provider.to_dict() for provider in providers]})
        return OK
    print("cache")
    print(*(f"  {line}" for line in aligned(_cache_rows(cache))), sep="\n")
    print("\nproviders")
    header = ("PROVIDER", "STATUS", "CALLS", "LATENCY", "SUCCESS", "RATE-LIMITED")
    rows = [_provider_row(provider) for provider in providers]
    print(*(f"  {line}" for line in aligned(rows, header, numbers=(2, 3, 4, 5))), sep="\n")
    return OK


def _cache_rows(cache: CacheStats) -> list[tuple[str, str]]:
    return [
        ("hits", f"{cache.hits} of {cache.hits + cache.misses} ({cache.hit_rate:.1%})"),
        ("by layer", f"{cache.l1_hits} memory, {cache.l2_hits} semantic, {cache.l3_hits} exact"),
        ("entries", str(cache.entries)),
        ("saved", f"{cache.tokens_saved} tokens, {cache.cost_saved_cents / 100:.2f} USD"),
    ]


def _provider_row(provider: ProviderHealth) -> tuple[str, ...]:
    return (
        provider.provider,
        provider.status,
        str(provider.requests_total),
        f"{provider.latency_ms:.0f} ms",
        f"{provider.success_rate:.1%}",
        f"{provider.rate_limit_rate:.1%}",
    )
