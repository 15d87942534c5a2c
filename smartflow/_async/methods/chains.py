"""Fallback chains: who answers for a model or a provider, and who stands in when that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence

from ..._core.check import check_int, check_text
from ...exceptions import ValidationError
from .base import AsyncMethods, as_dict, rows_of

if TYPE_CHECKING:
    from smartflow_generated.shapes.management import FallbackChain, FallbackChainDeleted

__all__ = ["AsyncChainMethods"]


class AsyncChainMethods(AsyncMethods):
    """The methods of the client that keep fallback chains."""

    async def list_fallback_chains(self) -> List[FallbackChain]:
        """Return every fallback chain of the gateway, ordered by name.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> [chain["name"] for chain in await sf.list_fallback_chains()]

        Operation: listFallbackChains
        """
        from smartflow_generated.management.api.routing import list_fallback_chains as op

        return await self._session.read(op.operation, op.request(), lambda body, reply: rows_of(body, "chains"))

    async def get_fallback_chain(self, name: str) -> FallbackChain:
        """Return one fallback chain.

        Args:
            name: Its name.

        Returns:
            A dict with `name`, `level`, `strategy`, `targets`, `max_retries` and `backoff_ms`.

        Raises:
            NotFoundError: There is none of that name.
            SmartflowError: Any other failure.

        Example:
            >>> await sf.create_fallback_chain("fast", [{"provider": "groq"}, {"provider": "openai"}])
            >>> (await sf.get_fallback_chain("fast"))["strategy"]
            >>> await sf.delete_fallback_chain("fast")

        Operation: getFallbackChain
        """
        from smartflow_generated.management.api.routing import get_fallback_chain as op

        result: FallbackChain = await self._session.read(
            op.operation, op.request(name=check_text(name, "name")), as_dict
        )
        return result

    async def create_fallback_chain(
        self,
        name: str,
        targets: Sequence[Mapping[str, Any]],
        *,
        level: str = "model",
        strategy: str = "priority",
        max_retries: Optional[int] = None,
        backoff_ms: Optional[int] = None,
    ) -> FallbackChain:
        """Return a new fallback chain, which is in force at once.

        Args:
            name: The model that the chain answers for, or with `level="provider"` the provider.
            targets: Who may answer: dicts with `provider`, and where wanted `model`, `weight` and `priority`.
            level: `model` or `provider`.
            strategy: `priority`, `round_robin`, `weighted`, `least_connections`, `random`, `latency` or `cost`.
            max_retries: How often one target is asked again after 429, 5xx or no connection; 1 by default.
            backoff_ms: The first pause before that, in milliseconds; 200 by default.

        Returns:
            The chain, with its defaults filled in.

        Raises:
            ValidationError: An argument is wrong, or the name is in use.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> await sf.create_fallback_chain("smart", [{"provider": "anthropic"}, {"provider": "openai"}])
            >>> print(await sf.chat("Hello", model="smart"))
            >>> await sf.delete_fallback_chain("smart")

        Operation: createFallbackChain
        """
        from smartflow_generated.management.api.routing import create_fallback_chain as op

        body: Any = {"name": check_text(name, "name"), **_definition(targets, level, strategy, max_retries, backoff_ms)}
        result: FallbackChain = await self._session.read(op.operation, op.request(body=body), as_dict)
        return result

    async def update_fallback_chain(
        self,
        name: str,
        targets: Sequence[Mapping[str, Any]],
        *,
        level: str = "model",
        strategy: str = "priority",
        max_retries: Optional[int] = None,
        backoff_ms: Optional[int] = None,
    ) -> FallbackChain:
        """Return the fallback chain that is now in the place of the one of that name.

        Args:
            name: The name of the chain to change.
            targets: As in `create_fallback_chain()`.
            level: As there.
            strategy: As there.
            max_retries: As there.
            backoff_ms: As there.

        Returns:
            The chain, with its defaults filled in.

        Raises:
            NotFoundError: There is none of that name.
            ValidationError: An argument is wrong.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> await sf.create_fallback_chain("cheap", [{"provider": "openai"}])
            >>> await sf.update_fallback_chain("cheap", [{"provider": "groq"}, {"provider": "openai"}], strategy="cost")
            >>> await sf.delete_fallback_chain("cheap")

        Operation: updateFallbackChain
        """
        from smartflow_generated.management.api.routing import update_fallback_chain as op

        body: Any = _definition(targets, level, strategy, max_retries, backoff_ms)
        request = op.request(name=check_text(name, "name"), body=body)
        result: FallbackChain = await self._session.read(op.operation, request, as_dict)
        return result

    async def delete_fallback_chain(self, name: str) -> FallbackChainDeleted:
        """Return the gateway's receipt after a fallback chain was deleted.

        Args:
            name: Its name.

        Returns:
            A dict with `name` and `deleted`.

        Raises:
            NotFoundError: There is none of that name.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> await sf.create_fallback_chain("old", [{"provider": "openai"}])
            >>> await sf.delete_fallback_chain("old")

        Operation: deleteFallbackChain
        """
        from smartflow_generated.management.api.routing import delete_fallback_chain as op

        result: FallbackChainDeleted = await self._session.read(
            op.operation, op.request(name=check_text(name, "name")), as_dict
        )
        return result


def _definition(
    targets: Sequence[Mapping[str, Any]],
    level: str,
    strategy: str,
    max_retries: Optional[int],
    backoff_ms: Optional[int],
) -> Any:
    if isinstance(targets, (str, bytes)) or not all(isinstance(target, Mapping) for target in targets) or not targets:
        raise ValidationError("targets must be a list of dicts with `provider`, and not empty", param="targets")
    body: Any = {"targets": [dict(target) for target in targets]}
    body["level"], body["strategy"] = check_text(level, "level"), check_text(strategy, "strategy")
    if max_retries is not None:
        body["max_retries"] = check_int(max_retries, "max_retries", 0)
    if backoff_ms is not None:
        body["backoff_ms"] = check_int(backoff_ms, "backoff_ms", 0)
    return body
