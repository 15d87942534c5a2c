"""The gateway keeps its contract, whatever is sent to it: Schemathesis, bounded and with a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts.contract_hooks import REFUSABLE
from scripts.contract_run import BOUNDED, SEED, Run, start, try_service, urls_of
from scripts.contract_status import rows

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with start() as gateway:
        yield urls_of(gateway)


@pytest.mark.parametrize("run", BOUNDED, ids=[run.service for run in BOUNDED])
def test_every_answer_is_one_that_the_contract_declares(urls: dict[str, str], run: Run) -> None:
    result = try_service(urls, run, SEED, seconds=390)
    assert result.ok, result.output


def test_every_operation_with_rules_of_its_own_exists() -> None:
    assert set(REFUSABLE) <= {row.operation for row in rows({})}
