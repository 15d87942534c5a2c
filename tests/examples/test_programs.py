"""The programs in examples/ do what they say, against a real local gateway."""

from __future__ import annotations

import re

import pytest

from .conftest import ROOT, Run

EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
NOBODY = "http://127.0.0.1:1"
# What is said before the gateway is asked for anything.
GREETINGS = {"support_bot.py": r"SecureSupport: Hello! .*\nCustomer: ", "research.py": r"Researcher: .*\n"}


def example(name: str) -> str:
    return str(ROOT / "examples" / name)


def test_the_async_quick_start_gets_its_second_answer_from_the_cache(run_program: Run) -> None:
    done = run_program(example("quickstart_async.py"))
    assert done.returncode == 0, done.stderr
    first, second, *explained = done.stdout.splitlines()
    # A test that ran before may have filled the cache for the first one.
    assert first.startswith("first answer, from ")
    assert second.startswith("second answer, from the cache")
    assert first.split(": ", 1)[1] == second.split(": ", 1)[1]
    assert [line.split(":")[0] for line in explained] == ["gateway", "cache", "audit log"]
    assert all(f"Explain in one sentence: {line.split(':')[0]}" in line for line in explained)


def test_the_sync_quick_start_ranks_embeds_and_counts(run_program: Run) -> None:
    done = run_program(example("quickstart_sync.py"))
    assert done.returncode == 0, done.stderr
    answer, best, vectors, cache = done.stdout.splitlines()
    assert "Name a sorting algorithm" in answer and "Answer with one word." in answer
    assert best == "best document: How to return a parcel"
    assert vectors == "vectors: 2 of 256 numbers"
    assert re.fullmatch(r"cache: \d+ hits, [1-9]\d* misses, \d+ tokens saved", cache)


def test_the_streaming_example_prints_the_whole_answer_and_its_usage(run_program: Run) -> None:
    done = run_program(example("streaming.py"), "Count", "to", "ten")
    assert done.returncode == 0, done.stderr
    text, facts = done.stdout.splitlines()
    assert 'You wrote: "Count to ten".' in text and text.endswith("without a model.")
    assert re.fullmatch(r"\[stop, [1-9]\d* tokens, request req_[0-9a-f]+\]", facts)


def test_the_compliance_example_blocks_a_card_number_and_shows_the_text_without_it(run_program: Run) -> None:
    done = run_program(example("compliance.py"))
    assert done.returncode == 1, done.stderr
    assert "action: Block" in done.stdout
    assert "redacted: My card is [CREDIT_CARD], please call [PHONE]" in done.stdout
    assert "4111" not in done.stdout


def test_the_compliance_example_lets_a_harmless_text_pass(run_program: Run) -> None:
    done = run_program(example("compliance.py"), "The", "weather", "is", "fine")
    assert done.returncode == 0, done.stderr
    assert "action: Allow" in done.stdout
    assert "redacted: The weather is fine" in done.stdout


def test_the_audit_report_counts_what_was_called(run_program: Run) -> None:
    model = "mistral/mistral-large-latest"
    code = f"from smartflow import SyncSmartflowClient as C\nfor _ in 'ab': C().chat('Report this', model={model!r})"
    assert run_program("-c", code).returncode == 0
    done = run_program(example("audit_report.py"), "1")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    calls, tokens, cost, hits, finds = rows["mistral-large-latest"]
    assert (calls, hits, finds) == ("2", "1", "0")
    assert int(tokens) > 0 and float(cost) >= 0
    assert int(rows["total"][0]) == sum(int(row[0]) for name, row in rows.items() if name not in ("total", "model"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_without_a_gateway_ends_with_one_clear_line(name: str, run_program: Run) -> None:
    done = run_program(example(name), SMARTFLOW_GATEWAY_URL=NOBODY, stdin="Hello\n")
    assert done.returncode != 0
    assert re.fullmatch(GREETINGS.get(name, ""), done.stdout)
    assert "ConnectionError" in done.stderr and "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1
