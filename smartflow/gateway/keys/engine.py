"""The rules of virtual keys: who a caller is, and how keys are created, changed and revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from smartflow.gateway.clock import Ids, iso
from smartflow.gateway.errors import GatewayError, bad_request, not_found
from smartflow.gateway.keys.record import (
    ACTIVE,
    EXPIRED,
    LIFETIME,
    VirtualKey,
    dollars,
    hash_of,
    is_key,
    nano,
    new_text,
    period_end,
    period_start,
    same_hash,
)
from smartflow.gateway.keys.repo import KeysRepo

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_BEARER = {"www-authenticate": "Bearer"}
_SAME = ("user_id", "team_id", "rpm_limit", "tpm_limit", "compliance_mode")


@dataclass(frozen=True)
class Caller:
    """Who makes a call. `key` is None for the configured key, and where the gateway asks for none."""

    tenant: str
    admin: bool
    key: VirtualKey | None = None
    # Let in because there was no key at all.
    unasked: bool = False


NOBODY = Caller("", admin=False)
"""The caller of an operation that asks nobody who calls."""


class KeysEngine:
    """Knows the keys of a gateway. `configured` is the key that `smartflow serve` was started with; it is an admin's."""

    def __init__(self, repo: KeysRepo, ids: Ids, configured: str | None) -> None:
        self._repo = repo
        self._ids = ids
        # Only the hash stays, and it stays in memory.
        self._configured = hash_of(configured) if configured else None
        self._any = False

    @property
    def required(self) -> bool:
        """True when callers must show a key: one is configured, or one was ever created. Revoking all opens nothing."""
        # Keys are never deleted, so that yes stays yes; another process may have created the first one.
        self._any = self._any or self._repo.any_key()
        return self._any or self._configured is not None

    def identify(self, shown: Iterable[str], now: datetime) -> Caller:
        """The caller who shows these keys; 401 when a key is needed and none is good."""
        texts, failure = list(shown), None
        # Every key is looked at, so that the time tells nothing about which one was right.
        found = [self._find(text) for text in texts]
        for text, (configured, key) in zip(texts, found, strict=True):
            if configured:
                return Caller(hash_of(text), admin=True)
            if key is not None:
                status = key.status(iso(now))
                if status == ACTIVE:
                    return Caller(f"key:{key.key_id}", key.admin, key)
                failure = failure or _ended(status)
        if failure is not None:
            raise failure
        if self.required:
            raise _unknown_key()
        return Caller(hash_of(texts[0]) if texts else "", admin=True, unasked=True)

    def is_configured(self, text: str) -> bool:
        """True for the key that the gateway was started with. Takes equally long for every wrong one."""
        return self._configured is not None and same_hash(hash_of(text), self._configured)

    def _find(self, text: str) -> tuple[bool, VirtualKey | None]:
        hashed = hash_of(text)
        key = self._repo.by_hash(hashed) if is_key(text) else None
        return self.is_configured(text), key if key is not None and same_hash(hashed, key.key_hash) else None

    def create(self, wanted: Mapping[str, Any], now: datetime, *, unasked: bool = False) -> tuple[VirtualKey, str]:
        """A new key and its text, which nothing keeps. While there is no key at all, the first must be an admin's."""
        text = new_text()
        fields = {"metadata": {}, **_columns(wanted)}
        key = VirtualKey(
            **{**fields, "budget_period": fields.get("budget_period") or LIFETIME},
            admin=bool(wanted.get("admin")),
            key_id=self._ids.new("vk"),
            key_hash=hash_of(text),
            created_at=iso(now),
        )
        with self._repo.transaction():
            if unasked and self.required:
                # Another first key was made since this caller was let in.
                raise _unknown_key()
            if not key.admin and not self.required:
                raise bad_request(
                    "the first key must be an admin's, because it closes the gateway to all calls without a key: "
                    "create one with admin=true first, and create this one with it",
                    "admin",
                    "admin_key_needed_first",
                )
            self._repo.insert(key)
        return key, text

    def get(self, key_id: str) -> VirtualKey:
        """The key with this id; 404 when there is none."""
        key = self._repo.by_id(key_id)
        if key is None:
            # The id is not told back: who mixes up id and text has sent the text.
            raise not_found("no virtual key with that id: listVirtualKeys names the ids")
        return key

    def page(self, limit: int, offset: int) -> tuple[int, list[VirtualKey]]:
        """The number of all keys, and one page of them, newest first."""
        return self._repo.page(limit, offset)

    def change(self, key_id: str, wanted: Mapping[str, Any]) -> VirtualKey:
        """The key with other members."""
        with self._repo.transaction():
            key = self.get(key_id)
            if key.revoked_at is not None:
                raise bad_request("a revoked key cannot be changed: create a new one", "key_id", "revoked_api_key")
            changes = _columns(wanted)
            if changes:
                self._repo.update(key_id, changes)
            return replace(key, **changes)

    def revoke(self, key_id: str, now: datetime) -> VirtualKey:
        """The key, which opens nothing any more."""
        with self._repo.transaction():
            key = self.get(key_id)
            if key.revoked_at is not None:
                return key
            self._repo.update(key_id, {"revoked_at": iso(now)})
            return replace(key, revoked_at=iso(now))

    def show(self, key: VirtualKey, now: datetime) -> dict[str, Any]:
        """A key in the contract's shape, with what it has spent in this period."""
        spent = self._repo.spent(key.key_id, period_start(key.budget_period, now))
        budget, end = key.budget_nano, period_end(key.budget_period, now)
        return {
            **{name: getattr(key, name) for name in ("key_id", "name", "admin", *_SAME, "budget_period", "metadata")},
            "status": key.status(iso(now)),
            "budget_usd": None if budget is None else dollars(budget),
            "spent_usd": dollars(spent),
            "remaining_usd": None if budget is None else dollars(max(0, budget - spent)),
            "resets_at": iso(end) if end is not None and budget is not None else None,
            "allowed_models": None if key.allowed_models is None else list(key.allowed_models),
            **{name: getattr(key, name) for name in ("created_at", "expires_at", "revoked_at")},
        }


def require_role(roles: Iterable[str], caller: Caller) -> None:
    """403 unless the caller has one of the roles that an operation asks for."""
    if tuple(roles) and not caller.admin:
        message = "this key may not do that: use an admin key, such as one of `smartflow keys create NAME --admin`"
        raise GatewayError(403, None, "admin_key_required", message)


def _unknown_key() -> GatewayError:
    return GatewayError(401, None, "invalid_api_key", "the API key is missing or wrong", headers=_BEARER)


def _ended(status: str) -> GatewayError:
    what = "has expired" if status == EXPIRED else "was revoked"
    return GatewayError(401, None, f"{status}_api_key", f"the API key {what}: ask for a new one", headers=_BEARER)


def _columns(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request as the fields of a record; what is not given is not in it."""
    found: dict[str, Any] = {name: wanted[name] for name in ("name", *_SAME, "metadata") if name in wanted}
    for name in ("rpm_limit", "tpm_limit"):
        # To JSON Schema 5.0 is an integer.
        if found.get(name) is not None:
            found[name] = int(found[name])
    if "budget_usd" in wanted:
        found["budget_nano"] = None if wanted["budget_usd"] is None else nano(wanted["budget_usd"])
    if wanted.get("budget_period") is not None:
        found["budget_period"] = wanted["budget_period"]
    if "allowed_models" in wanted:
        models = wanted["allowed_models"]
        found["allowed_models"] = None if models is None else tuple(models)
    if "expires_at" in wanted:
        found["expires_at"] = None if wanted["expires_at"] is None else _moment(wanted["expires_at"])
    return found


def _moment(value: datetime) -> str:
    """A moment as text; beyond the years that text order holds for, the first or last of them."""
    try:
        return iso(min(max(value, _EARLIEST), _LATEST).astimezone(UTC))
    except OverflowError:
        return iso(_LATEST)
