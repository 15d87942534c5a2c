"""The chain of the audit log: how a row is bound to the one before it, and what a check of the chain finds. No SQL, no HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smartflow.gateway.keyfile import load_or_make

GENESIS = "genesis"
LOST = "unknown"
"""`prev_hash` of an entry that was written after the chain's head had been lost or changed: the break stays visible."""
KEY_NAME = "audit.key"
MOST_LISTED = 100
_CHAIN_COLUMNS = frozenset({"seq", "prev_hash", "entry_hmac", "signing_key_id"})


@dataclass(frozen=True)
class Point:
    """One entry by its number and hash."""

    seq: int
    entry_hmac: str

    def show(self) -> dict[str, Any]:
        """The point as a ChainPoint of the contract."""
        return {"seq": self.seq, "entry_hmac": self.entry_hmac}


def load_key(folder: Path | None, given: str | None = None) -> bytes:
    """The key of the chain: the given text, or what the folder holds, made (0600) when there is none; else one for this process."""
    if given is not None:
        return hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
    return load_or_make(folder, KEY_NAME, ": put the right file back")


def payload_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says of a call: all of the row but the chain's own columns and what is null."""
    payload = {name: value for name, value in row.items() if value is not None and name not in _CHAIN_COLUMNS}
    with contextlib.suppress(ValueError, TypeError):  # what somebody changed into no JSON is shown as it is
        payload["compliance"] = json.loads(payload["compliance"])
    return payload


class Chain:
    """Signs entries, and points of the chain, with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = "k_" + hashlib.sha256(b"smartflow audit key\0" + key).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Chain(key_id={self.key_id!r})"

    def seal(self, row: Mapping[str, Any], seq: int, prev_hash: str) -> dict[str, Any]:
        """The row as an entry of the chain."""
        sealed = {**row, "seq": seq, "prev_hash": prev_hash, "signing_key_id": self.key_id}
        return {**sealed, "entry_hmac": self.entry_hmac(sealed)}

    def entry_hmac(self, row: Mapping[str, Any]) -> str:
        """The hash that the row must have."""
        return self._sign(
            {
                "seq": row["seq"],
                "prev_hash": row["prev_hash"],
                "key_id": row["signing_key_id"],
                "payload": payload_of(row),
            }
        )

    def fits(self, row: Mapping[str, Any]) -> bool:
        """True when the row is as it was written."""
        try:
            wanted = self.entry_hmac(row)
        except (ValueError, TypeError):  # somebody wrote bytes, or half a character
            return False
        return _equal(row["entry_hmac"], wanted)

    def sign_point(self, what: str, point: Point) -> str:
        """The signature of the head or the checkpoint."""
        return self._sign({"what": what, **point.show()})

    def accept_point(self, what: str, row: Mapping[str, Any] | None) -> Point | None:
        """The stored head or checkpoint, unless there is none or its signature is not ours."""
        if row is None:
            return None
        point = Point(row["seq"], row["entry_hmac"])
        return point if _equal(row["signature"], self.sign_point(what, point)) else None

    def _sign(self, value: Any) -> str:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hmac.digest(self._key, text.encode("utf-8"), "sha256").hex()


def _equal(found: object, wanted: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found.encode("utf-8", "surrogateescape"), wanted.encode())


@dataclass
class Check:
    """A walk along the chain, entry by entry, that notes what does not fit. `before` is the entry before the first one."""

    chain: Chain
    before: Point
    entries: int = 0
    unsigned: int = 0
    missing: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    mismatches: list[int] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)

    def feed(self, row: Mapping[str, Any]) -> None:
        """The next entry."""
        seq = row["seq"]
        self.expect_until(seq - 1)
        self.entries += 1
        if not row["entry_hmac"]:
            self.unsigned += 1
        if not self.chain.fits(row):
            known = row["signing_key_id"] == self.chain.key_id
            why = "was changed after it was written" if known else "was signed with another key than the gateway's"
            self.note(self.mismatches, seq, f"entry {seq} {why}")
        if row["prev_hash"] != self.before.entry_hmac:
            self.note(self.breaks, seq, f"entry {seq} does not follow the entry before it")
        self.before = Point(seq, row["entry_hmac"])

    def expect_until(self, seq: int) -> None:
        """Note that all entries up to this number should have come."""
        for absent in range(self.before.seq + 1, min(seq, self.before.seq + MOST_LISTED) + 1):
            self.note(self.missing, absent, f"entry {absent} is missing")

    def end(self, head: Point | None) -> None:
        """Compare the end of the chain with its signed head."""
        last = self.before
        if head is None:
            if last.seq:
                what = f"the signed head of the chain is missing or was changed: entries after {last.seq} may be gone"
                self.note(self.missing, last.seq + 1, what)
            return
        self.expect_until(head.seq)
        if head.seq < last.seq:
            self.note(self.breaks, head.seq + 1, f"entry {head.seq + 1} is newer than the signed head of the chain")
        elif head.seq == last.seq and head.entry_hmac != last.entry_hmac:
            self.note(self.mismatches, head.seq, f"entry {head.seq} is not the one that the signed head names")

    def note(self, kind: list[int], seq: int, problem: str) -> None:
        """One finding."""
        if len(kind) < MOST_LISTED:
            kind.append(seq)
        self.problems.setdefault(seq, problem)
        if len(self.problems) > MOST_LISTED:
            # The lowest is the one that is told.
            self.problems.pop(max(self.problems))

    def report(self) -> dict[str, Any]:
        """The findings, in the contract's terms."""
        first = min(self.problems, default=None)
        return {
            "valid": first is None,
            "entries_checked": self.entries,
            "unsigned_entries": self.unsigned,
            "signed": self.unsigned == 0,
            "missing": self.missing,
            "duplicates": self.duplicates,
            "hmac_mismatches": self.mismatches,
            "prev_hash_breaks": self.breaks,
            "first_bad_seq": first,
            "problem": None if first is None else self.problems[first],
        }
