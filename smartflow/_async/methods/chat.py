"""Chat: whole answers, streamed answers, and Claude's own Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, List, Mapping, Optional, Sequence, Union, overload

from ..._core.check import check_extras, check_int, check_messages, check_text
from ..._core.defaults import TEMPERATURE, sampling
from ...exceptions import ResponseValidationError
from .base import AsyncMethods, as_dict

if TYPE_CHECKING:
    from typing_extensions import Literal

    from ...types.chat import AIResponse
    from ..stream import AsyncChatStream

__all__ = ["AsyncChatMethods", "conversation", "instructions"]

_STREAM_HINT = {"stream": "chat() returns the whole text: use stream_chat(), or chat_completions(stream=True)"}


class AsyncChatMethods(AsyncMethods):
    """The chat methods of the client."""

    async def chat(
        self,
        message: str,
        model: str = "gpt-4o",
        system_prompt: Optional[str] = None,
        temperature: Optional[float] = TEMPERATURE,
        max_tokens: Optional[int] = None,
        **kwargs: Any,
    ) -> str:
        """Return the model's reply to one message, as plain text.

        Args:
            message: What the user says.
            model: The model, with or without a provider prefix such as `anthropic/`.
            system_prompt: Instructions to the model.
            temperature: 0 to 2. The default 0.7 is not sent to models that take none; None is never sent.
            max_tokens: The longest reply, in tokens.
            **kwargs: Further fields of the request, passed on as they are.

        Returns:
            The text of the first choice; empty when the model answered with tool calls only.

        Raises:
            ValidationError: An argument cannot be sent.
            ComplianceError: A policy blocked the call.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> await sf.chat("Explain Docker containers", model="gpt-4o", temperature=0.3)

        Operation: createChatCompletion
        """
        check_extras(kwargs, ("messages",), _STREAM_HINT)
        messages = conversation(message, system_prompt)
        response = await self._complete(messages, model, temperature, max_tokens, kwargs)
        return response.content

    @overload
    async def chat_completions(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str = ...,
        temperature: Optional[float] = ...,
        max_tokens: Optional[int] = ...,
        stream: Literal[False] = ...,
        **kwargs: Any,
    ) -> AIResponse: ...

    @overload
    async def chat_completions(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str = ...,
        temperature: Optional[float] = ...,
        max_tokens: Optional[int] = ...,
        *,
        stream: Literal[True],
        **kwargs: Any,
    ) -> AsyncChatStream: ...

    @overload
    async def chat_completions(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str = ...,
        temperature: Optional[float] = ...,
        max_tokens: Optional[int] = ...,
        stream: bool = ...,
        **kwargs: Any,
    ) -> Union[AIResponse, AsyncChatStream]: ...

    async def chat_completions(
        self,
        messages: Sequence[Mapping[str, Any]],
        model: str = "gpt-4o",
        temperature: Optional[float] = TEMPERATURE,
        max_tokens: Optional[int] = None,
        stream: bool = False,
        **kwargs: Any,
    ) -> Union[AIResponse, AsyncChatStream]:
        """Return the model's answer to a conversation; with `stream=True` an iterator over its pieces.

        Args:
            messages: The conversation, oldest first: dicts with `role` and `content`. Tool calls, tool results and
                image parts are passed on as they are.
            model: The model, with or without a provider prefix.
            temperature: 0 to 2. The default 0.7 is not sent to models that take none; None is never sent.
            max_tokens: The longest answer, in tokens.
            stream: Whether the answer is to come in pieces. Its usage is asked for, too.
            **kwargs: Further fields of the request (`tools`, `response_format`, ...), passed on as they are.

        Returns:
            An `AIResponse`, or an async iterator of `AIChunk` that is also a context manager.

        Raises:
            ValidationError: An argument cannot be sent.
            StreamInterruptedError: The stream broke off; the error has the partial text.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> answer = await sf.chat_completions([{"role": "user", "content": "What is REST?"}])
            >>> print(answer.content, answer.usage.total_tokens)

        Operation: createChatCompletion
        """
        check_extras(kwargs)
        checked = check_messages(messages)
        if stream:
            return await self._stream(checked, model, temperature, max_tokens, kwargs)
        return await self._complete(checked, model, temperature, max_tokens, kwargs)

    async def stream_chat(
        self,
        message: str,
        model: str = "gpt-4o",
        system_prompt: Optional[str] = None,
        temperature: Optional[float] = TEMPERATURE,
        max_tokens: Optional[int] = None,
        **kwargs: Any,
    ) -> AsyncIterator[str]:
        """Yield the model's reply to one message, piece by piece.

        Args:
            message: What the user says.
            model: The model, with or without a provider prefix.
            system_prompt: Instructions to the model.
            temperature: 0 to 2. The default 0.7 is not sent to models that take none; None is never sent.
            max_tokens: The longest reply, in tokens.
            **kwargs: Further fields of the request, passed on as they are.

        Yields:
            Pieces of text, none of them empty.

        Raises:
            StreamInterruptedError: The stream broke off; the error has the partial text.
            SmartflowError: Any other failure, also one that the stream reports in its midst.

        Example:
            >>> async for piece in sf.stream_chat("Tell me a story about a robot"):
            ...     print(piece, end="", flush=True)

        Operation: createChatCompletion
        """
        check_extras(kwargs, ("messages", "stream"))
        stream = await self._stream(conversation(message, system_prompt), model, temperature, max_tokens, kwargs)
        try:
            async for batch in stream.batches():
                for _, text in batch:
                    if text:
                        yield text
        finally:
            await stream.aclose()

    async def claude_message(
        self,
        message: str,
        model: str = "claude-sonnet-4-6",
        max_tokens: int = 1024,
        system: Optional[str] = None,
        anthropic_key: Optional[str] = None,
    ) -> str:
        """Return Claude's reply to one message, through the native Anthropic Messages API.

        Args:
            message: What the user says.
            model: A Claude model.
            max_tokens: The longest reply, in tokens.
            system: Instructions to the model.
            anthropic_key: An Anthropic key of your own; without it the gateway uses its stored one.

        Returns:
            The text of all text blocks, joined.

        Raises:
            ValidationError: An argument cannot be sent.
            SmartflowError: Any other failure; see `smartflow.exceptions`.

        Example:
            >>> await sf.claude_message("Review this code", system="You are a security engineer.")

        Operation: createMessage
        """
        from smartflow_generated.proxy.api.messages import create_message as op

        body: Any = {
            "model": check_text(model, "model"),
            "max_tokens": check_int(max_tokens, "max_tokens", 1),
            "messages": [{"role": "user", "content": check_text(message, "message")}],
        }
        if system is not None:
            body["system"] = check_text(system, "system", empty=True)
        request = op.request(body=body, anthropic_version="2023-06-01")
        if anthropic_key is not None:
            request.setdefault("headers", {})["x-api-key"] = check_text(anthropic_key, "anthropic_key")
        return await self._session.read(op.operation, request, _claude_text)

    async def _complete(
        self,
        messages: List[Dict[str, Any]],
        model: str,
        temperature: Optional[float],
        max_tokens: Optional[int],
        extras: Mapping[str, Any],
    ) -> AIResponse:
        from smartflow_generated.proxy.api.chat import create_chat_completion as op

        from ...types.chat import AIResponse

        body: Any = {"model": check_text(model, "model"), "messages": messages}
        body.update(sampling(model, temperature, max_tokens))
        body.update(extras)
        return await self._session.read(op.operation, op.request(body=body), AIResponse.from_wire)

    async def _stream(
        self,
        messages: List[Dict[str, Any]],
        model: str,
        temperature: Optional[float],
        max_tokens: Optional[int],
        extras: Mapping[str, Any],
    ) -> AsyncChatStream:
        from smartflow_generated.proxy.api.chat import create_chat_completion as op

        from ..stream import AsyncChatStream

        body: Any = {"model": check_text(model, "model"), "messages": messages, "stream": True}
        body["stream_options"] = {"include_usage": True}
        body.update(sampling(model, temperature, max_tokens))
        body.update(extras)
        reply = await self._session.send(op.operation, op.request(body=body), stream=True)
        return AsyncChatStream(reply, op.operation.operation_id)


def conversation(message: str, system_prompt: Optional[str]) -> List[Dict[str, Any]]:
    """The messages of a conversation that begins."""
    return [*instructions(system_prompt), {"role": "user", "content": check_text(message, "message")}]


def instructions(system_prompt: Optional[str]) -> List[Dict[str, Any]]:
    """What stands before a conversation."""
    if system_prompt is None:
        return []
    return [{"role": "system", "content": check_text(system_prompt, "system_prompt", empty=True)}]


def _claude_text(answer: Any, reply: Any) -> str:
    """The text of all text blocks: thinking blocks may stand before the first one."""
    blocks = as_dict(answer).get("content")
    if not isinstance(blocks, list):
        raise ResponseValidationError("the answer has no list `content`", body=answer)
    texts = (block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))
