"""Ranks documents by the words they share with a query: BM25 with light stemming, scaled to 0..1."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.reading import clean, integer
from smartflow.gateway.offline.words import terms

MAX_DOCUMENTS = 10_000
_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75
_DOCUMENTS_PER_UNIT = 100


def rerank(request: dict[str, Any], *, reply_id: str) -> dict[str, Any]:
    """The documents' indexes and scores (0 to 1), the best first, in the Cohere wire shape."""
    query, texts = _query(request), _texts(request)
    scores = _scores(terms(query), [terms(text) for text in texts])
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], index))
    top = integer(request, "top_n", 1)
    with_text = request.get("return_documents") is True
    results = [
        {
            "index": index,
            "relevance_score": scores[index],
            **({"document": {"text": texts[index]}} if with_text else {}),
        }
        for index in order[:top]
    ]
    units = math.ceil(len(texts) / _DOCUMENTS_PER_UNIT)
    meta = {"api_version": {"version": "1"}, "billed_units": {"search_units": units}}
    return {"id": reply_id, "results": results, "meta": meta}


def _query(request: dict[str, Any]) -> str:
    query = request.get("query")
    if not isinstance(query, str) or not query.strip():
        raise OfflineError("query must be a text that isn't empty", param="query")
    return query


def _texts(request: dict[str, Any]) -> list[str]:
    documents = request.get("documents")
    if not isinstance(documents, list) or not documents:
        raise OfflineError("documents must be a list with at least one document", param="documents")
    if len(documents) > MAX_DOCUMENTS:
        raise OfflineError(
            f"documents has {len(documents)} entries; at most {MAX_DOCUMENTS} are ranked", param="documents"
        )
    return [_text(document, request.get("rank_fields")) for document in documents]


def _text(document: Any, fields: Any) -> str:
    if isinstance(document, str):
        return clean(document)
    if not isinstance(document, dict):
        raise OfflineError("each document must be a text or an object with a text", param="documents")
    names = fields if isinstance(fields, list) else ["text"]
    found = [document[name] for name in names if isinstance(name, str) and isinstance(document.get(name), str)]
    if not found:
        raise OfflineError(
            f"each document object needs a text in {', '.join(map(str, names))[:100]}", param="documents"
        )
    return clean("\n".join(found))


def _scores(query: list[str], documents: list[list[str]]) -> list[float]:
    counts = [Counter(document) for document in documents]
    average = sum(map(len, documents)) / len(documents) or 1.0
    rarity = {}
    for term in dict.fromkeys(query):
        holding = sum(1 for found in counts if term in found)
        rarity[term] = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
    best = sum(rarity.values()) * (_SATURATION + 1)
    return [round(_score(rarity, found, average) / best, 6) if best else 0.0 for found in counts]


def _score(rarity: dict[str, float], found: Counter[str], average: float) -> float:
    stretch = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * found.total() / average)
    return sum(weight * found[term] * (_SATURATION + 1) / (found[term] + stretch) for term, weight in rarity.items())
