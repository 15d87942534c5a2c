"""A streamed chat answer: read from the connection, checked to its end, and released whatever happens."""

from __future__ import annotations

from collections import deque
from typing import Any, AsyncGenerator, AsyncIterator, Deque, Dict, List, Mapping, Optional, Tuple

from .._core.assemble import Assembler, chunk_of
from .._core.errors import TransportFailure, cause_of, error_for_event, request_id_of, with_facts
from .._core.jsoncodec import decode
from .._core.limits import LimitReached
from .._core.secrets import redact, redact_value
from .._core.sse import Event, EventDecoder
from .._io.meter import heard
from ..exceptions import ResponseValidationError, SmartflowError, StreamInterruptedError, TimeoutError
from ..types.chat import AIChunk, AIResponse, Usage

__all__ = ["AsyncChatStream"]

Batch = List[Tuple[Dict[str, Any], str]]
# Reading past the end marker keeps the connection for the next call; a server that then stays silent is not waited for.
DRAIN_SECONDS = 0.25


class AsyncChatStream:
    """An iterator over the pieces of one chat answer.

    Leaving the loop early, an error or a cancellation releases the connection; `async with` does so at once.

    Example:
        >>> stream = await sf.chat_completions([{"role": "user", "content": "Hi"}], stream=True)
        >>> async for chunk in stream:
        ...     print(chunk.content, end="")
        >>> print(stream.response.usage.total_tokens)
    """

    def __init__(self, reply: Any, operation: str) -> None:
        self._reply = reply
        self._parts = Assembler()
        # The generator knows nothing of this object: without a cycle between the two, a stream that is dropped
        # releases its connection at once, not when the collector comes.
        self._batches = _Reading(reply, operation, self._parts).batches()
        self._waiting: Deque[Tuple[Dict[str, Any], str]] = deque()

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, names in lower case."""
        headers: Mapping[str, str] = self._reply.headers
        return headers

    @property
    def request_id(self) -> Optional[str]:
        """The gateway's id of the call."""
        return request_id_of(self.headers)

    @property
    def text(self) -> str:
        """The text that has arrived so far."""
        return self._parts.text

    @property
    def usage(self) -> Optional[Usage]:
        """Token counts, once they have arrived."""
        return None if self._parts.usage is None else Usage.from_wire(self._parts.usage)

    @property
    def response(self) -> AIResponse:
        """All that has arrived, put together: text, tool calls, finish reason, usage."""
        return AIResponse.from_wire(self._parts.result(), self._reply)

    async def get_final_response(self) -> AIResponse:
        """The whole answer: reads what is still to come, then puts it together."""
        async for _ in self._batches:
            pass
        return self.response

    async def aclose(self) -> None:
        """Release the connection; pieces that have not arrived are lost. Closing twice does nothing."""
        await self._batches.aclose()
        await self._reply.aclose()

    def __aiter__(self) -> AsyncIterator[AIChunk]:
        return self

    async def __anext__(self) -> AIChunk:
        while not self._waiting:
            self._waiting.extend(await self._batches.__anext__())
        return AIChunk.from_wire(self._waiting.popleft()[0], self._reply)

    async def __aenter__(self) -> AsyncChatStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def batches(self) -> AsyncGenerator[Batch, None]:
        """The decoded pieces with the text of each, as many at a time as the network brings."""
        return self._batches


class _Reading:
    """Reads one stream from its reply into an `Assembler`."""

    def __init__(self, reply: Any, operation: str, parts: Assembler) -> None:
        self._reply = reply
        self._operation = operation
        self._parts = parts
        # A provider's own events, in direct mode.
        self._reader = reply.reader
        self._ended = False

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """The pieces; raises when the stream reports an error, breaks off, or ends without its end marker."""
        parts = self._parts
        decoder = EventDecoder()
        reply = self._reply
        try:
            await self._check_kind()
            async for piece in reply.chunks():
                batch, error = self._decode(decoder, piece)
                if batch:
                    yield batch
                if error is not None:
                    raise error
            if not self._ended and not (self._reader or parts).finished:
                raise self._interrupted("it ended without its end marker")
        except (TransportFailure, LimitReached) as failure:
            if not self._ended:
                raise self._failed(failure) from cause_of(failure, reply.secrets)
        except SmartflowError as error:
            if isinstance(error, ResponseValidationError):
                with_facts(error, self._operation, reply)
            raise parts.with_partial(error) from error.__cause__
        finally:
            heard({"usage": parts.usage}, reply.headers, streamed=True)
            await reply.aclose()

    def _decode(self, decoder: EventDecoder, piece: bytes) -> Tuple[Batch, Optional[SmartflowError]]:
        """What a piece of the body brings, and the error that ends it: pieces before an error are not lost."""
        batch: Batch = []
        try:
            events = decoder.feed(piece)
            if events:
                # Comments and empty records keep a connection alive, but they are no progress: they make no events.
                self._reply.limits.progress()
            for event in events:
                if event.data == b"[DONE]":
                    self._ended = True
                    self._reply.limits.finish_within(DRAIN_SECONDS)
                elif event.data and not self._ended:
                    if self._reader is None:
                        chunk = chunk_of(event, self._operation, self._reply)
                        batch.append((chunk, self._parts.add(chunk)))
                    else:
                        self._translate(event, batch)
        except SmartflowError as error:
            return batch, error
        return batch, None

    def _translate(self, event: Event, batch: Batch) -> None:
        """Append the pieces that a provider's event stands for."""
        for chunk in self._reader.read(event.name, event.data):
            if chunk.get("error"):
                raise error_for_event(chunk, self._operation, self._reply.headers, self._reply.secrets)
            batch.append((chunk, self._parts.add(chunk)))
        if self._reader.closed:
            self._ended = True
            self._reply.limits.finish_within(DRAIN_SECONDS)

    async def _check_kind(self) -> None:
        """Some servers answer a streamed request with one JSON document or an HTML page: never an empty stream."""
        kind = self._reply.media_type
        if kind not in ("application/json", "application/problem+json", "text/html"):
            return
        await self._reply.aread(self._reply.limits)
        body = decode(self._reply.content) if "json" in kind else None
        if isinstance(body, dict) and body.get("error"):
            raise error_for_event(body, self._operation, self._reply.headers, self._reply.secrets)
        raise ResponseValidationError(f"a stream was asked for and {kind} was answered", body=self._reply.content)

    def _interrupted(self, why: str) -> StreamInterruptedError:
        return StreamInterruptedError(
            f"the stream of {self._operation} is not complete: {why}",
            partial_text=self._parts.text,
            usage=self._parts.usage,
            operation=self._operation,
            headers=self._headers(),
            request_id=request_id_of(self._reply.headers),
        )

    def _failed(self, failure: Exception) -> SmartflowError:
        phase = getattr(failure, "phase", None)
        if phase is None:
            return self._interrupted(f"it broke off ({redact(str(failure), self._reply.secrets)})")
        return TimeoutError(
            f"the stream of {self._operation} reached its {phase} limit",
            phase=phase,
            partial_text=self._parts.text,
            operation=self._operation,
            headers=self._headers(),
            request_id=request_id_of(self._reply.headers),
        )

    def _headers(self) -> Mapping[str, str]:
        """The answer's headers, as errors may show them."""
        headers: Mapping[str, str] = redact_value(dict(self._reply.headers), self._reply.secrets)
        return headers
