"""Creates a key in the data of a gateway that may or may not run: how the first admin key of a closed machine is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smartflow_generated.server.management.models import VirtualKeyRequest

from smartflow.gateway.clock import RandomIds, SystemClock
from smartflow.gateway.errors import GatewayError
from smartflow.gateway.keys.engine import KeysEngine
from smartflow.gateway.keys.repo import KeysRepo
from smartflow.gateway.reading import check
from smartflow.gateway.store import DATABASE_NAME, Store, StoreError


class KeyRefused(Exception):
    """The key cannot be created so; the message names the cure."""


def create_in_store(data_dir: Path, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The new key in the contract's shape, with its text."""
    given = {name: value for name, value in wanted.items() if name != "expires_at"}
    now = SystemClock().now()
    try:
        check(VirtualKeyRequest, given)
        store = Store(data_dir / DATABASE_NAME)
        try:
            keys = KeysEngine(KeysRepo(store), RandomIds(), None)
            key, text = keys.create(dict(wanted), now)
            return {**keys.show(key, now), "key": text}
        finally:
            store.close()
    except GatewayError as error:
        raise KeyRefused(error.message) from error
    except StoreError as error:
        raise KeyRefused(f"{error}: choose the folder of the gateway with --data-dir") from error
