"""Embeds text by feature hashing: unit vectors, near for texts that share words, the same in every process."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import bare_model, clean, integer, model_of
from smartflow.gateway.offline.tokens import count_text, decode
from smartflow.gateway.offline.words import STOPWORDS, stem, words

DEFAULT_MODEL = "text-embedding-3-small"
MAX_INPUTS = 2_048
_SIZES = {"text-embedding-3-small": 1536, "text-embedding-ada-002": 1536, "text-embedding-3-large": 3072}
_OTHER_SIZE, _MAX_SIZE = 1024, 4096
# Text beyond this many characters counts only through its fingerprint, which keeps huge inputs fast.
_READ = 50_000
_GRAM_WEIGHT, _PAIR_WEIGHT, _STOP_WEIGHT, _MARK_WEIGHT = 0.25, 0.5, 0.2, 0.05


def embed(request: dict[str, Any]) -> dict[str, Any]:
    """The list of embeddings for the request's input, in its order, with the tokens used."""
    model = model_of(request, DEFAULT_MODEL)
    encoding = request.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise OfflineError("encoding_format must be float or base64", param="encoding_format")
    size = _size(request, model)
    texts, used = _texts(request.get("input"), model)
    vectors = (vector(text, size) for text in texts)
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(values) if encoding == "base64" else values}
        for index, values in enumerate(vectors)
    ]
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": used, "total_tokens": used}}


def _size(request: dict[str, Any], model: str) -> int:
    full = _SIZES.get(bare_model(model), _OTHER_SIZE)
    most = full if bare_model(model) in _SIZES else _MAX_SIZE
    return integer(request, "dimensions", 1, most) or full


def _texts(given: Any, model: str) -> tuple[list[str], int]:
    """The texts to embed and their tokens in all; token ids are read back into text."""
    items = [given] if isinstance(given, str) or _is_ids(given) else given
    if not isinstance(items, list) or not items:
        raise OfflineError(
            "input must be a text, a list of texts, a list of token ids or a list of such lists", param="input"
        )
    if len(items) > MAX_INPUTS:
        raise OfflineError(f"input has {len(items)} items; at most {MAX_INPUTS} are embedded at once", param="input")
    texts, used = [], 0
    for item in items:
        if isinstance(item, str) and item:
            texts.append(clean(item))
            used += count_text(item, model)
        elif _is_ids(item):
            texts.append(decode(item, model))
            used += len(item)
        else:
            raise OfflineError("input must hold texts that aren't empty, or lists of token ids", param="input")
    return texts, used


def _is_ids(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and all(type(token) is int for token in item)


def vector(text: str, size: int) -> list[float]:
    """The unit vector of the text with `size` numbers."""
    values = [0.0] * size
    for feature, weight in _features(text).items():
        digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=16).digest()
        # Two places each keep texts apart even in few dimensions.
        for at in (0, 8):
            place = int.from_bytes(digest[at : at + 7], "big") % size
            values[place] += weight if digest[at + 7] & 1 else -weight
    length = math.sqrt(sum(value * value for value in values))
    if length < 1e-9:  # in very few dimensions the features can cancel out
        return [1.0] + [0.0] * (size - 1)
    return [value / length for value in values]


def _features(text: str) -> dict[str, float]:
    found = words(text[:_READ])
    features: defaultdict[str, float] = defaultdict(float)
    for word, times in Counter(found).items():
        weight = (1 + math.log(times)) * (_STOP_WEIGHT if word in STOPWORDS else 1.0)
        features[f"word {stem(word)}"] += weight
        framed = f"<{word[:64]}>"
        for gram in {framed[at : at + 3] for at in range(len(framed) - 2)}:
            features[f"gram {gram}"] += _GRAM_WEIGHT * weight
    for pair, times in Counter(pairwise(found)).items():
        features[f"pair {' '.join(map(stem, pair))}"] += _PAIR_WEIGHT * (1 + math.log(times))
    # Sets apart texts of the same words, and carries texts without any word.
    features[f"text {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"] = _MARK_WEIGHT
    return features


def _base64(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")
