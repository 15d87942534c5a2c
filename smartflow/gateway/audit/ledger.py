"""Keeps the chain over both tiers: appends to it, checks it, archives its old part, and removes what retention gives up."""

from __future__ import annotations

import asyncio
from itertools import takewhile
from typing import Any

from smartflow.gateway.audit.chain import GENESIS, LOST, MOST_LISTED, Chain, Check, Point
from smartflow.gateway.audit.repo import AuditReads, AuditRepo
from smartflow.gateway.audit.settings import AuditSettings
from smartflow.gateway.clock import Clock, iso
from smartflow.gateway.edge_log import logger
from smartflow.gateway.errors import bad_request
from smartflow.gateway.store import DatabaseFault

_HEAD, _CHECKPOINT = "head", "checkpoint"
_NO_END = 2**62
_READ_AT_ONCE, _MOVED_AT_ONCE = 1000, 200
_PAUSE_SECONDS = 60.0


class Ledger:
    """The chain in the store."""

    def __init__(self, repo: AuditRepo, chain: Chain, clock: Clock, settings: AuditSettings) -> None:
        self._repo = repo
        self._chain = chain
        self._clock = clock
        self._settings = settings
        self._stopping = False

    def append(self, row: dict[str, Any]) -> None:
        """Add a row to the chain, within the current transaction."""
        head = self._chain.accept_point(_HEAD, self._repo.head())
        if head is not None:
            seq, before = head.seq + 1, head.entry_hmac
        else:
            last = self._repo.last() or self._repo.checkpoint()
            seq, before = (last["seq"] + 1, LOST) if last else (1, GENESIS)
        sealed = self._chain.seal(row, seq, before)
        signature = self._chain.sign_point(_HEAD, Point(seq, sealed["entry_hmac"]))
        self._repo.insert(sealed, signature)

    def verify(self, from_seq: int | None, to_seq: int | None, anchor: Point | None) -> dict[str, Any]:
        """What a check of the chain, or of a part of it, finds. It takes its time: call it in a thread."""
        with self._repo.snapshot() as reads:
            checkpoint = self._chain.accept_point(_CHECKPOINT, reads.checkpoint())
            head = self._chain.accept_point(_HEAD, reads.head())
            oldest = (checkpoint.seq if checkpoint else 0) + 1
            first = max(from_seq or oldest, oldest)
            check = Check(self._chain, _before(reads, first, checkpoint if first == oldest else None))
            _feed(reads, check, first, to_seq or _NO_END)
            if to_seq is None or (head is not None and to_seq >= head.seq):
                check.end(head)
            elif head is not None:
                check.expect_until(to_seq)
            for seq in reads.contradictions(MOST_LISTED):
                check.note(check.duplicates, seq, f"entry {seq} is in the archive in another form, or behind its place")
            if anchor is not None:
                _compare(reads, check, anchor, checkpoint)
        last = check.before.seq if check.entries else 0
        return {
            **check.report(),
            "from_seq": first if check.entries else 0,
            "to_seq": last,
            "checkpoint": checkpoint.show() if checkpoint else None,
            "head": head.show() if head else None,
        }

    async def keep(self) -> None:
        """Move and remove rows whose time has come, now and every minute, until cancelled."""
        try:
            while True:
                try:
                    await asyncio.to_thread(self.move)
                except DatabaseFault as error:
                    logger.error("the audit log is not archived now, and tried again later: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._stopping = True

    def move(self) -> tuple[int, int]:
        """Archive and remove the rows whose time has come; how many of each."""
        now, keep_for = self._clock.now(), self._settings.keep_for
        archived = removed = 0
        while not self._stopping and (batch := self._older("main", iso(now - self._settings.hot_for))):
            moved = self._repo.archive(batch[-1]["seq"])
            archived += moved
            if not moved:
                break
        while keep_for is not None and not self._stopping and (batch := self._older("cold", iso(now - keep_for))):
            last = Point(batch[-1]["seq"], batch[-1]["entry_hmac"])
            signature = self._chain.sign_point(_CHECKPOINT, last)
            removed += self._repo.remove(last.seq, last.entry_hmac, signature)
        return archived, removed

    def _older(self, tier: str, moment: str) -> list[dict[str, Any]]:
        """Only a beginning of the chain may move: a row that is older than the ones before it waits for them."""
        return list(takewhile(lambda row: row["timestamp"] < moment, self._repo.oldest(tier, _MOVED_AT_ONCE)))


def _before(reads: AuditReads, first: int, checkpoint: Point | None) -> Point:
    if checkpoint is not None:
        return checkpoint
    row = reads.entry(first - 1) if first > 1 else None
    # Without the entry before it, the first one cannot follow it; the check then says so.
    return Point(first - 1, row["entry_hmac"] if row else GENESIS if first == 1 else LOST)


def _feed(reads: AuditReads, check: Check, first: int, last: int) -> None:
    while rows := reads.walk(first, last, _READ_AT_ONCE):
        for row in rows:
            check.feed(row)
        first = rows[-1]["seq"] + 1


def _compare(reads: AuditReads, check: Check, anchor: Point, checkpoint: Point | None) -> None:
    if checkpoint is not None and anchor.seq < checkpoint.seq:
        raise bad_request(
            f"retention has removed the entries up to {checkpoint.seq}: give a newer anchor", "anchor.seq"
        )
    row = checkpoint.show() if checkpoint is not None and anchor.seq == checkpoint.seq else reads.entry(anchor.seq)
    if row is None:
        check.note(check.missing, anchor.seq, f"entry {anchor.seq}, which the anchor names, is missing")
    elif row["entry_hmac"] != anchor.entry_hmac:
        check.note(check.mismatches, anchor.seq, f"entry {anchor.seq} is not the one that the anchor names")
