"""The pytest plugin of smartflow-sdk: the fixture `smartflow_gateway`. It is loaded in every pytest run, so it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .local_gateway import LocalGateway

__all__ = ["smartflow_gateway"]


@pytest.fixture(scope="session")
def smartflow_gateway() -> Iterator[LocalGateway]:
    """A local gateway with its data in memory, one for the whole test session (and one for each xdist worker)."""
    from .local_gateway import LocalGateway

    with LocalGateway() as gateway:
        yield gateway
