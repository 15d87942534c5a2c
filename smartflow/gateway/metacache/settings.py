"""What the operator may set about MetaCache."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from smartflow.gateway.metacache.embedder import EMBEDDERS, NGRAM, SENTENCE, check_installed

MAX_TTL_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class CacheSettings:
    """Limits and thresholds. `similarity` is the least cosine of a semantic hit, `overlap` the least share of equal words of a near miss."""

    similarity: float = 0.90
    overlap: float = 0.70
    embedder: str = NGRAM
    ttl_seconds: int = 24 * 3600
    timely_ttl_seconds: int = 300
    max_entries: int = 10_000
    max_bytes: int = 64 * 1024 * 1024
    max_entry_bytes: int = 4 * 1024 * 1024
    memory_entries: int = 1_024
    memory_bytes: int = 16 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 0.5 <= self.similarity <= 1:
            raise ValueError(f"the cache's similarity must be from 0.5 to 1, not {self.similarity}")
        if self.embedder not in EMBEDDERS:
            raise ValueError(f"the cache's embedder must be one of {', '.join(EMBEDDERS)}, not {self.embedder!r}")
        if not 1 <= self.ttl_seconds <= MAX_TTL_SECONDS:
            raise ValueError(
                f"the cache's age limit must be from 1 to {MAX_TTL_SECONDS} seconds, not {self.ttl_seconds}"
            )
        if self.max_entries < 1 or self.max_bytes < 1:
            raise ValueError("the cache must have room for at least one entry and one byte")


def add_cache_options(parser: argparse.ArgumentParser) -> None:
    """Declare the cache's options of `smartflow serve`."""
    default = CacheSettings()
    group = parser.add_argument_group("MetaCache")
    group.add_argument("--cache-embedder", choices=EMBEDDERS, default=default.embedder,
                       help="what compares meanings: ngram needs no package, sentence needs the extra `semantic` (default: %(default)s)")  # fmt: skip
    group.add_argument("--cache-similarity", type=float, default=default.similarity, metavar="COSINE",
                       help="least cosine of a semantic hit, 0.5 to 1 (default: %(default)s)")  # fmt: skip
    group.add_argument("--cache-ttl", type=int, default=default.ttl_seconds, metavar="SECONDS",
                       help="how long an answer is kept (default: %(default)s)")  # fmt: skip
    group.add_argument("--cache-max-entries", type=int, default=default.max_entries, metavar="N",
                       help="how many answers are kept (default: %(default)s)")  # fmt: skip
    group.add_argument("--cache-max-bytes", type=int, default=default.max_bytes, metavar="BYTES",
                       help="how large the kept answers may be together (default: %(default)s)")  # fmt: skip


def read_cache_options(given: argparse.Namespace) -> CacheSettings:
    """The settings of a command line; ValueError names what cannot be used."""
    if given.cache_embedder == SENTENCE:
        check_installed()
    return CacheSettings(
        similarity=given.cache_similarity,
        embedder=given.cache_embedder,
        ttl_seconds=given.cache_ttl,
        max_entries=given.cache_max_entries,
        max_bytes=given.cache_max_bytes,
    )
