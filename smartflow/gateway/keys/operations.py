"""The operations on virtual keys. All of them ask for an admin, as the contract says."""

from __future__ import annotations

from typing import Any

from smartflow.gateway.contract import Call, Reply, operation
from smartflow.gateway.errors import bad_request

_DEFAULT_LIMIT = 100


@operation("createVirtualKey")
async def create_virtual_key(call: Call) -> Reply:
    """A new key with its text, shown this once."""
    keys = call.gateway.keys
    with call.effects() as audit:
        key, text = keys.create(_given(call), call.now, unasked=call.caller.unasked)
        audit.routing_reason, audit.status_code = f"created {key.key_id}", 201
    # No cache on the way may keep the text.
    headers = {"cache-control": "no-store"}
    return Reply({**keys.show(key, call.now), "key": text}, 201, headers)


@operation("listVirtualKeys")
async def list_virtual_keys(call: Call) -> dict[str, Any]:
    """One page of keys, newest first."""
    keys = call.gateway.keys
    limit, offset = call.query.get("limit") or _DEFAULT_LIMIT, call.query.get("offset") or 0
    total, found = keys.page(limit, offset)
    return {"keys": [keys.show(key, call.now) for key in found], "total": total, "limit": limit, "offset": offset}


@operation("getVirtualKey")
async def get_virtual_key(call: Call) -> dict[str, Any]:
    """One key."""
    keys = call.gateway.keys
    return keys.show(keys.get(call.path["key_id"]), call.now)


@operation("updateVirtualKey")
async def update_virtual_key(call: Call) -> dict[str, Any]:
    """A key with other limits."""
    keys = call.gateway.keys
    if not call.json:
        raise bad_request("nothing is to be changed: name at least one member")
    with call.effects() as audit:
        key = keys.change(call.path["key_id"], _given(call))
        audit.routing_reason = f"changed {key.key_id}"
    return keys.show(key, call.now)


@operation("revokeVirtualKey")
async def revoke_virtual_key(call: Call) -> dict[str, Any]:
    """A key that opens nothing any more."""
    keys = call.gateway.keys
    with call.effects() as audit:
        key = keys.revoke(call.path["key_id"], call.now)
        audit.routing_reason = f"revoked {key.key_id}"
    return keys.show(key, call.now)


def _given(call: Call) -> dict[str, Any]:
    """The members that the request names, a moment as a moment."""
    given = {name: value for name, value in call.json.items() if name not in ("expires_at", "metadata")}
    if "expires_at" in call.json:
        given["expires_at"] = call.body.expires_at
    if call.json.get("metadata") is not None:
        given["metadata"] = dict(call.json["metadata"])
    return given
