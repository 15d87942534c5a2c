"""What the offline embeddings, rankings and the model list must be."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
import subprocess
import sys
from typing import Any

import pytest

from smartflow.gateway.offline import catalog, embeddings, tokens
from smartflow.gateway.offline.errors import OfflineError
from smartflow.gateway.offline.rerank import rerank


def embed(given: Any, **more: Any) -> list[Any]:
    return [item["embedding"] for item in embeddings.embed({"input": given, **more})["data"]]


def near(one: str, other: str) -> float:
    first, second = embed([one, other])
    return float(sum(a * b for a, b in zip(first, second, strict=True)))


@pytest.mark.parametrize("text", ["hello", "   ", "😀", "\ud800", "a" * 300_000])
def test_an_embedding_has_length_one(text: str) -> None:
    assert math.isclose(math.hypot(*embed(text)[0]), 1.0, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("text-embedding-3-small", 1536),
        ("openai/text-embedding-3-large", 3072),
        ("text-embedding-ada-002", 1536),
        ("mistral/mistral-embed", 1024),
    ],
)
def test_the_size_is_the_models(model: str, size: int) -> None:
    assert len(embed("hi", model=model)[0]) == size


def test_dimensions_are_honoured_and_stay_unit_length() -> None:
    for size in (1, 2, 7, 256):
        assert math.isclose(math.hypot(*embed("some words", dimensions=size)[0]), 1.0)


def test_similar_texts_are_nearer_than_unrelated_ones() -> None:
    alike = near("The cat sat on the mat", "A cat is sitting on a mat")
    assert alike > 0.4
    assert abs(near("The cat sat on the mat", "Quarterly revenue grew by ten percent")) < 0.1
    assert near("the same text", "the same text") == pytest.approx(1.0)
    assert near("dog bites man", "man bites dog") < 0.999


def test_embeddings_are_the_same_in_another_process() -> None:
    program = (
        "import hashlib, struct; from smartflow.gateway.offline.embeddings import vector;"
        "v = vector('stable words', 64); print(hashlib.sha256(struct.pack('<64d', *v)).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
    )
    ours = hashlib.sha256(struct.pack("<64d", *embeddings.vector("stable words", 64))).hexdigest()
    assert other.stdout.strip() == ours


def test_base64_holds_the_same_numbers_as_little_endian_floats() -> None:
    floats, packed = embed("hello")[0], embed("hello", encoding_format="base64")[0]
    assert struct.unpack("<1536f", base64.b64decode(packed)) == pytest.approx(floats, abs=1e-6)


def test_token_ids_embed_like_their_text() -> None:
    ids = tokens.encode("hello world", "text-embedding-3-small")
    assert embed(ids) == embed("hello world") == embed([ids])


def test_usage_counts_all_inputs() -> None:
    answer = embeddings.embed({"input": ["hello world", "hello"]})
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert [item["index"] for item in answer["data"]] == [0, 1]


@pytest.mark.parametrize(
    "request_",
    [
        {"input": ""},
        {"input": []},
        {"input": None},
        {"input": [""]},
        {"input": [True]},
        {"input": [-5]},
        {"input": ["x"] * 2049},
        {"input": "x", "dimensions": 0},
        {"input": "x", "dimensions": 1537},
        {"input": "x", "encoding_format": "int8"},
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_embedding_request_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(OfflineError):
        embeddings.embed(request_)


DOCUMENTS = [
    "Bread needs flour and water.",
    "The cat sleeps.",
    {"text": "Cats are sleeping in the sun."},
    "Nothing here",
]


def test_documents_with_the_querys_words_rank_first_whatever_their_endings() -> None:
    answer = rerank({"query": "sleeping cats", "documents": DOCUMENTS}, reply_id="r-1")
    assert {result["index"] for result in answer["results"][:2]} == {1, 2}
    assert all(0 <= result["relevance_score"] <= 1 for result in answer["results"])
    assert answer["results"][0]["relevance_score"] > 0.3
    assert answer["id"] == "r-1"


def test_equal_documents_keep_their_order() -> None:
    answer = rerank({"query": "zebra", "documents": ["a", "b", "c"]}, reply_id="r")
    assert [(result["index"], result["relevance_score"]) for result in answer["results"]] == [
        (0, 0.0),
        (1, 0.0),
        (2, 0.0),
    ]


def test_top_n_limits_and_return_documents_adds_the_texts() -> None:
    answer = rerank({"query": "flour", "documents": DOCUMENTS, "top_n": 1, "return_documents": True}, reply_id="r")
    assert [result["document"]["text"] for result in answer["results"]] == ["Bread needs flour and water."]
    assert "document" not in rerank({"query": "flour", "documents": DOCUMENTS}, reply_id="r")["results"][0]


@pytest.mark.parametrize(
    "request_",
    [
        {"query": " ", "documents": ["a"]},
        {"query": "a", "documents": []},
        {"query": "a", "documents": [5]},
        {"query": "a", "documents": [{}]},
        {"query": "a", "documents": ["a"], "top_n": 0},
    ],
)
def test_a_bad_rerank_request_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(OfflineError):
        rerank(request_, reply_id="r")


def test_strange_queries_and_documents_are_ranked() -> None:
    json.dumps(
        rerank({"query": "!!!", "documents": ["", "\ud800", "猫"], "return_documents": True}, reply_id="r"),
        ensure_ascii=False,
    ).encode()


def test_a_query_without_spaces_finds_its_document() -> None:
    assert rerank({"query": "猫", "documents": ["犬が走る", "猫が寝る"]}, reply_id="r")["results"][0]["index"] == 1


def test_the_catalog_lists_distinct_models_with_their_owners() -> None:
    models = catalog.models()
    assert len({model["id"] for model in models}) == len(models) >= 12
    assert all(model["object"] == "model" and isinstance(model["created"], int) for model in models)
    for model in models:
        assert "/" not in str(model["id"]) or str(model["id"]).startswith(f"{model['owned_by']}/")
