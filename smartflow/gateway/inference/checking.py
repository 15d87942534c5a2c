"""Items of a provider's stream are checked before anything is made of them: they come from outside."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from pydantic import TypeAdapter, ValidationError
from smartflow_generated.server.proxy.models import AnthropicStreamEvent, ChatCompletionChunk

from smartflow.gateway.edge_log import logger
from smartflow.gateway.errors import GatewayError

_EVENT: TypeAdapter[Any] = TypeAdapter(AnthropicStreamEvent)


def check_chunk(item: dict[str, Any]) -> None:
    """Raise pydantic's ValidationError for a chat chunk that the contract does not know."""
    ChatCompletionChunk.model_validate(item)


def check_event(item: dict[str, Any]) -> None:
    """Raise pydantic's ValidationError for an event of a message that the contract does not know."""
    _EVENT.validate_python(item)


def place_of(error: ValidationError) -> str:
    """Where an item does not fit, without its values."""
    return ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])


async def checked_chunks(items: AsyncIterator[dict[str, Any]], provider: str) -> AsyncGenerator[dict[str, Any], None]:
    """A provider's chat chunks; 502 at the first that does not fit. What the caller's model name will stand for may be missing."""
    try:
        async for item in items:
            filled = {**item, "model": str(item.get("model") or ""), "choices": item.get("choices") or []}
            try:
                check_chunk(filled)
            except ValidationError as error:
                raise misfit(provider, error) from None
            yield filled
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


def misfit(provider: str, error: ValidationError) -> GatewayError:
    """The error for an item of a provider's that does not fit."""
    logger.error("an event of %s does not fit the contract at %s", provider, place_of(error))
    what = f"{provider} sent an event that does not fit the contract"
    return GatewayError(502, None, "provider_error", what, provider=provider)
