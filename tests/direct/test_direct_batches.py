"""Batches without a gateway: the provider is asked itself, tokens are counted, and a budget is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smartflow import DirectModeError
from tests.support.answers import chat, reply
from tests.support.faces import Connect
from tests.support.hostile import HostileServer

from .conftest import KEY


def test_a_batch_asks_the_provider_and_resumes(
    connect: Connect, at: Any, server: HostileServer, tmp_path: Path
) -> None:
    at("openai", path="/v1")
    server.answer(*[reply(chat("from afar"))] * 3)
    sf = connect()
    journal = tmp_path / "batch.jsonl"
    for _ in range(2):
        batch = sf.map_chat(["one", "two", "three"], resume=journal)
        assert [each.content for each in batch.results] == ["from afar"] * 3
        assert (batch.summary.usage.total_tokens, batch.summary.cost_cents, batch.summary.calls) == (15, 0.0, 3)
    assert batch.summary.resumed == 3
    assert len(server.requests) == 3
    assert len({each.headers["idempotency-key"] for each in server.requests}) == 3
    assert KEY not in journal.read_text("utf-8")


def test_a_budget_needs_a_gateway(connect: Connect, at: Any) -> None:
    at("openai", path="/v1")
    with pytest.raises(DirectModeError, match="The budget of a batch requires a Smartflow Enterprise gateway"):
        connect().map_chat(["one"], budget=1.0)
