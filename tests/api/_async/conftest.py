"""The client that the tests of the facade use, on the session's gateway."""

from __future__ import annotations

from typing import Any, AsyncIterator, Dict

import pytest

from smartflow import SmartflowClient


@pytest.fixture
async def sf(gateway_urls: Dict[str, Any]) -> AsyncIterator[SmartflowClient]:
    async with SmartflowClient(**gateway_urls) as client:
        yield client
