"""The gateway itself: models, chatbot, cache, providers, routing and health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, cast

from ..._core.check import check_int, check_text
from ...exceptions import ProviderError
from .base import AsyncMethods, as_dict, rows_of, unwrapped

if TYPE_CHECKING:
    from smartflow_generated.shapes.management import RoutingOverrideResult, RoutingStatus
    from smartflow_generated.shapes.proxy import ChatbotAnswer, ModelEntry

    from ...types.system import CacheStats, ProviderHealth, SystemHealth

__all__ = ["AsyncSystemMethods"]


class AsyncSystemMethods(AsyncMethods):
    """The methods of the client that ask about, or steer, the gateway."""

    async def list_models(self, *, provider: Optional[str] = None) -> List[ModelEntry]:
        """Return the models of all enabled providers; in direct mode of all whose key or base URL is configured.

        Args:
            provider: Only the models of this provider.

        Returns:
            Dicts with `id`, the name by which the model is called, and `owned_by`, its provider.

        Raises:
            SmartflowError: See `smartflow.exceptions`. In direct mode only when no provider answers; one that fails
                beside others that answer is named in a warning of the logger `smartflow`.

        Example:
            >>> [model["id"] for model in await sf.list_models()]

        Operation: listModels
        """
        from smartflow_generated.proxy.api.models import list_models as op

        return await self._session.models(
            op.operation, op.request(), lambda body, reply: rows_of(body, "data"), provider
        )

    async def chatbot_query(self, query: str) -> ChatbotAnswer:
        """Return the gateway's answer to a question about its own operation.

        Args:
            query: The question, for example "show me today's cache stats".

        Returns:
            A dict: `response` is the answer in words, `data` holds the figures.

        Raises:
            ValidationError: The question is empty.
            SmartflowError: Any other failure.

        Example:
            >>> print((await sf.chatbot_query("show me today's cache stats"))["response"])

        Operation: queryChatbot
        """
        from smartflow_generated.proxy.api.chatbot import query_chatbot as op

        request = op.request(body={"query": check_text(query, "query")})
        result: ChatbotAnswer = await self._session.read(op.operation, request, as_dict)
        return result

    async def get_cache_stats(self) -> CacheStats:
        """Return what MetaCache did: hits per layer, tokens and cents saved.

        In direct mode there is no cache: `misses` counts this client's answered calls, and `extra` has `requests`,
        `errors`, and the tokens that the providers reported.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> print(f"{(await sf.get_cache_stats()).hit_rate:.1%}")

        Operation: getCacheStats
        """
        from smartflow_generated.management.api.metacache import get_cache_stats as op

        from ...types.system import CacheStats

        return await self._session.read(
            op.operation, op.request(), lambda body, reply: CacheStats.from_wire(unwrapped(body), reply)
        )

    async def get_provider_health(self) -> List[ProviderHealth]:
        """Return how each provider does, measured on real traffic.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> for provider in await sf.get_provider_health():
            ...     print(provider.provider, provider.status, f"{provider.latency_ms:.0f} ms")

        Operation: getProviderPerformance
        """
        from smartflow_generated.management.api.providers import get_provider_performance as op

        from ...types.system import ProviderHealth

        return await self._session.read(
            op.operation,
            op.request(),
            lambda body, reply: [ProviderHealth.from_dict(row) for row in rows_of(unwrapped(body), "snapshots")],
        )

    async def health_comprehensive(self) -> SystemHealth:
        """Return the health of the whole gateway.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> health = await sf.health_comprehensive()
            >>> print(health.status, health.uptime_seconds)

        Operation: getComprehensiveHealth
        """
        from smartflow_generated.management.api.health import get_comprehensive_health as op

        from ...types.system import SystemHealth

        return await self._session.read(
            op.operation, op.request(), lambda body, reply: SystemHealth.from_wire(unwrapped(body), reply)
        )

    async def health(self) -> Dict[str, Any]:
        """Return whether the gateway lives; not retried.

        Returns:
            A dict with `status`, which is `ok`.

        Raises:
            ConnectionError: The gateway cannot be reached.
            SmartflowError: Any other failure.

        Example:
            >>> assert (await sf.health())["status"] == "ok"

        Operation: getLiveness
        """
        from smartflow_generated.proxy.api.health import get_liveness as op

        session = self._session.derive(max_retries=0)
        result: Dict[str, Any] = await session.read(op.operation, op.request(), as_dict)
        return result

    async def readiness(self) -> Dict[str, Any]:
        """Return whether the gateway can serve calls; not retried.

        Returns:
            A dict with `status`: `ready` or `not_ready`, and the state of what the gateway depends on.

        Raises:
            ConnectionError: The gateway cannot be reached.
            SmartflowError: Any other failure.

        Example:
            >>> (await sf.readiness())["status"]

        Operation: getReadiness
        """
        from smartflow_generated.proxy.api.health import get_readiness as op

        session = self._session.derive(max_retries=0)
        try:
            result: Dict[str, Any] = await session.read(op.operation, op.request(), as_dict)
        except ProviderError as error:
            # "Not ready" is an answer to this question, though its status is 503.
            if error.status_code == 503 and isinstance(error.body, dict) and isinstance(error.body.get("status"), str):
                return error.body
            raise
        return result

    async def get_routing_status(self) -> RoutingStatus:
        """Return the state of routing.

        Returns:
            A dict with `active_provider`, `strategy`, `fallback_chain`, `last_failure` and `override`.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> (await sf.get_routing_status())["active_provider"]

        Operation: getRoutingStatus
        """
        from smartflow_generated.management.api.routing import get_routing_status as op

        return await self._session.read(
            op.operation, op.request(), lambda body, reply: cast("RoutingStatus", unwrapped(body))
        )

    async def force_provider(self, provider: str, duration_seconds: int = 300) -> RoutingOverrideResult:
        """Return the gateway's receipt after it was told to send all calls to one provider for a while.

        Args:
            provider: The provider, for example `openai`.
            duration_seconds: For how long, in seconds; at least 1.

        Returns:
            A dict with `provider`, `duration_seconds` and `expires_at`.

        Raises:
            ValidationError: The provider is not known, or the duration is out of bounds.
            SmartflowError: Any other failure.

        Example:
            >>> await sf.force_provider("openai", duration_seconds=600)

        Operation: overrideRouting
        """
        from smartflow_generated.management.api.routing import override_routing as op

        seconds = check_int(duration_seconds, "duration_seconds", 1)
        body: Any = {
            "provider": check_text(provider, "provider"),
            # Gateways that only know minutes must not hear 0 of them.
            "ttl_minutes": -(-seconds // 60),
            "duration_seconds": seconds,
        }
        result: RoutingOverrideResult = await self._session.read(op.operation, op.request(body=body), as_dict)
        return result
