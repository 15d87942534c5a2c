"""An audit log of twelve rows, in the test's hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from smartflow_generated.server.management import models as management

from smartflow.gateway.audit.chain import Chain
from smartflow.gateway.audit.engine import AuditEngine
from smartflow.gateway.audit.ledger import Ledger
from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.audit.repo import AuditRepo, Filters
from smartflow.gateway.audit.settings import AuditSettings
from smartflow.gateway.clock import iso
from smartflow.gateway.store import DATABASE_NAME, Store

START = datetime(2026, 2, 19, 10, tzinfo=UTC)
KEY = b"k" * 32
COUNT = 12


class Clock:
    moment = START

    def now(self):
        return self.moment

    def monotonic(self):
        return 0.0


class Log:
    """An audit log with twelve rows, one an hour."""

    def __init__(self, folder, key=KEY, **settings):
        self.folder, self.clock = folder, Clock()
        self.store = Store(folder / DATABASE_NAME if folder else None)
        repo = AuditRepo(self.store)
        self.repo = repo
        self.ledger = Ledger(repo, Chain(key), self.clock, AuditSettings(**settings))
        self.audit = AuditEngine(repo, self.ledger, lambda text: text)

    def write(self, number, **fields):
        moment = START + timedelta(hours=number)
        record = AuditRecord(f"req_{number}", iso(moment), "createChatCompletion", "chat", **fields)
        self.audit.write(record, 5)

    def fill(self, count=COUNT):
        for number in range(1, count + 1):
            self.write(
                number,
                user_id=f"user_{number % 3}",
                provider="openai",
                cost=number / 7,
                compliance={"violations": ["ssn"], "compliance_score": 12.5},
                request_content="Grüße",
            )

    def sql(self, *statements):
        for statement in statements:
            self.store.execute(statement)

    def check(self, from_seq=None, to_seq=None, anchor=None):
        result = self.ledger.verify(from_seq, to_seq, anchor)
        management.ChainVerification.model_validate(result)
        return result

    def rows(self, **options):
        return [row["request_id"] for row in self.audit.page(Filters(), limit=100, **options)["data"]]

    def later(self, **span):
        self.clock.moment = START + timedelta(**span)
        return self.ledger.move()


@pytest.fixture
def make_log(tmp_path):
    opened = []

    def make(folder=tmp_path, count=COUNT, **settings):
        opened.append(Log(folder, **settings))
        opened[-1].fill(count)
        return opened[-1]

    yield make
    for log in opened:
        log.store.close()


@pytest.fixture
def log(make_log):
    return make_log()
