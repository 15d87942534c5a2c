"""Tools for tests: a local gateway of one's own, and a pytest fixture that holds one (`smartflow.testing.plugin`)."""

from __future__ import annotations

from .local_gateway import GatewayStartError, LocalGateway

__all__ = ["GatewayStartError", "LocalGateway"]
