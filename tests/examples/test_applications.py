"""The documented applications do what they are for: checked in what they print and in what the gateway has logged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartflow import SyncSmartflowClient, VASLog

from .conftest import ROOT, Run, gateway_on_documented_ports

CARD = "4111-1111-1111-1111"


@pytest.fixture(scope="module")
def own_gateway() -> Iterator[str]:
    """A gateway whose cache and log hold nothing but what these programs do."""
    with gateway_on_documented_ports() as url:
        yield url


def example(name: str) -> str:
    return str(ROOT / "examples" / name)


def chats(gateway: str, **wanted: str) -> list[VASLog]:
    """What was asked of models, oldest first."""
    with SyncSmartflowClient(gateway) as sf:
        return [row for row in reversed(sf.get_logs(limit=1000, **wanted)) if row.content_type == "chat"]  # type: ignore[arg-type]


def test_the_support_bot_keeps_card_data_from_the_model_and_remembers_the_rest(
    run_program: Run, own_gateway: str, no_settings: None
) -> None:
    said = f"How do I block my card?\n\nMy card is {CARD}\nThank you\nQuit\n"
    done = run_program(example("support_bot.py"), "777", "my_bank", SMARTFLOW_GATEWAY_URL=own_gateway, stdin=said)
    assert done.returncode == 0, done.stderr
    greeting, first, blocked, last, end = re.findall(r"SecureSupport: (.*)", done.stdout)
    assert greeting.startswith("Hello!")
    assert 'You wrote: "How do I block my card?"' in first
    assert "was not passed on, because it holds credit_card" in blocked
    # The system prompt, a question with its answer, and this message: the blocked one is not in the conversation.
    assert 'You wrote: "Thank you". I see 4 messages' in last
    assert re.fullmatch(r"Goodbye! \(5 messages, [1-9]\d* tokens\)", end)
    assert CARD not in done.stdout
    rows = chats(own_gateway, user_id="customer_777")
    assert len(rows) == 2
    with SyncSmartflowClient(own_gateway) as sf:
        assert CARD not in json.dumps([row.to_dict() for row in sf.get_logs(limit=1000)])


def test_a_customer_who_leaves_without_a_word_ends_the_session(run_program: Run, own_gateway: str) -> None:
    done = run_program(example("support_bot.py"), SMARTFLOW_GATEWAY_URL=own_gateway, stdin="")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Goodbye! (1 messages, 0 tokens)" in done.stdout


def test_the_content_pipeline_pays_once_for_equal_products(run_program: Run, own_gateway: str) -> None:
    first = run_program(example("content_pipeline.py"), SMARTFLOW_GATEWAY_URL=own_gateway)
    assert first.returncode == 0, first.stderr
    *lines, products, tokens = first.stdout.splitlines()
    assert [re.match(r"(SKU\d+) \((cache|\d+ tokens)\): ", line) is not None for line in lines] == [True] * 4
    assert [line.split()[1] == "(cache):" for line in lines] == [False, False, False, True]
    assert lines[0].split(": ", 1)[1] == lines[3].split(": ", 1)[1]
    assert all("Describe this product for a shop" in line for line in lines)
    assert products == "products: 4, from the cache: 25.0%"
    counted = re.fullmatch(r"tokens used: (\d+), saved: (\d+), worth \$\d+\.\d\d", tokens)
    assert counted is not None and 0 < int(counted[2]) < int(counted[1])
    again = run_program(example("content_pipeline.py"), SMARTFLOW_GATEWAY_URL=own_gateway)
    assert "from the cache: 100.0%" in again.stdout


@pytest.mark.parametrize(
    ("depth", "agents"),
    [
        ("quick", ["Researcher"]),
        ("standard", ["Researcher", "Analyst", "Writer"]),
        ("deep", ["Researcher", "Analyst", "Writer", "Editor"]),
    ],
)
def test_the_research_agents_hand_their_work_on_and_leave_a_trail(
    depth: str, agents: list[str], run_program: Run, own_gateway: str, no_settings: None
) -> None:
    topic = f"Tides as a source of power, {depth}"
    before = len(chats(own_gateway, user_id="research_system"))
    done = run_program(example("research.py"), depth, topic, SMARTFLOW_GATEWAY_URL=own_gateway)
    assert done.returncode == 0, done.stderr
    working, _, rest = done.stdout.partition("\n\n")
    assert [line.partition(":")[0] for line in working.splitlines()] == agents
    assert f"Topic: {topic}\n" in rest
    assert f"Agents: {' -> '.join(agents)}\n" in rest
    rows = chats(own_gateway, user_id="research_system")[before:]
    tasks = ["Research: ", "Analyse this research.", "Write an executive report", "Edit this report."]
    assert len(rows) == len(agents)
    # Each agent is asked for its own task, about what the ones before it found.
    assert all(task in str(row.request_content) for task, row in zip(tasks, rows))
    assert all(topic in str(row.request_content) for row in rows)
    trail = re.findall(r"^  (\S+) gpt-4o: (\d+) tokens$", done.stdout, re.MULTILINE)
    assert len(trail) == (4 if depth == "deep" else 0)
    assert [when for when, _ in trail] == sorted((when for when, _ in trail), reverse=True)
    assert all(int(tokens) > 0 for _, tokens in trail)
    assert [(row.timestamp, str(row.tokens_used)) for row in reversed(rows)][: len(trail)] == trail


def test_a_depth_that_nobody_knows_is_named(run_program: Run, own_gateway: str) -> None:
    done = run_program(example("research.py"), "wide", SMARTFLOW_GATEWAY_URL=own_gateway)
    assert (done.returncode, done.stdout) == (1, "")
    assert "depth must be one of quick, standard, deep, not 'wide'" in done.stderr


def test_a_program_for_openai_goes_through_the_gateway(run_program: Run, own_gateway: str, no_settings: None) -> None:
    before = len(chats(own_gateway))
    done = run_program(example("openai_dropin.py"), SMARTFLOW_GATEWAY_URL=own_gateway)
    assert done.returncode == 0, done.stderr
    answer, tokens = done.stdout.splitlines()
    assert 'You wrote: "Hello!"' in answer
    assert re.fullmatch(r"[1-9]\d* tokens", tokens)
    assert [row.model for row in chats(own_gateway)[before:]] == ["gpt-4o"]


def test_the_batch_example_goes_on_where_it_was(run_program: Run, own_gateway: str, tmp_path: Path) -> None:
    reviews = tmp_path / "reviews.txt"
    reviews.write_text("Lovely cups\n\nWhere is my order\n", "utf-8")
    for resumed in (0, 2):
        done = run_program(example("batch.py"), str(reviews), SMARTFLOW_GATEWAY_URL=own_gateway)
        assert done.returncode == 0, done.stderr
        first, second, sums, spent = done.stdout.splitlines()
        assert first.startswith("Lovely cups: ") and "Answer with one word" in first
        assert second.startswith("Where is my order: ")
        assert sums == f"2 of 2 sorted, {resumed} of them in earlier runs"
        assert re.fullmatch(r"[1-9]\d* tokens, 0\.\d{4} cents, 0% from the cache", spent)
    assert (tmp_path / "reviews.journal").read_bytes().count(b"\n") == 3
