"""Batches: many chats, or many calls of a function, with limits, a journal and one summary."""

from __future__ import annotations

import math
import os
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Awaitable,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    TypeVar,
    Union,
)

from ..._core.check import check_extras, check_flag, check_int, check_messages, check_text
from ..._core.defaults import TEMPERATURE
from ..._core.gateway_only import gateway_only
from ..._core.history import LETTERS_PER_TOKEN, letters_of
from ..._io import aio
from ...exceptions import ConfigError, ValidationError
from .chat import AsyncChatMethods, conversation, instructions

if TYPE_CHECKING:
    from ...types.batch import BatchResult, BatchSummary
    from ...types.chat import AIResponse
    from ..batch import AsyncBatch, Limits

__all__ = ["AsyncBatchMethods"]

I = TypeVar("I")  # noqa: E741 - an item
T = TypeVar("T")
Progress = Union[bool, Callable[["BatchSummary"], None], None]
Path = Union[str, "os.PathLike[str]", None]
CONCURRENCY = 64


class AsyncBatchMethods(AsyncChatMethods):
    """The batch methods of the client."""

    async def map_chat(
        self,
        items: Iterable[Union[str, Sequence[Mapping[str, Any]]]],
        model: str = "gpt-4o",
        system_prompt: Optional[str] = None,
        temperature: Optional[float] = TEMPERATURE,
        max_tokens: Optional[int] = None,
        *,
        concurrency: int = CONCURRENCY,
        rpm: Optional[int] = None,
        tpm: Optional[int] = None,
        budget: Optional[float] = None,
        progress: Progress = None,
        resume: Path = None,
        **kwargs: Any,
    ) -> BatchResult[AIResponse]:
        """Return the answers to many messages or conversations, in their order, with the sums of tokens and cost.

        Args:
            items: What is asked: messages as text, or conversations as lists of dicts with `role` and `content`.
            model: The model, with or without a provider prefix.
            system_prompt: Instructions to the model, put before each item.
            temperature: 0 to 2. The default 0.7 is not sent to models that take none; None is never sent.
            max_tokens: The longest answer, in tokens.
            concurrency: At most so many calls at a time.
            rpm: At most so many calls in any 60 seconds.
            tpm: At most so many tokens in any 60 seconds; what a call will take is estimated before it is sent.
            budget: US dollars, all runs of a journal together. When they are used up no further call is made; those that
                run are finished. Needs a gateway, which tells what calls cost.
            progress: True for a bar on a terminal or in a notebook; or a function that gets a `BatchSummary` as each item ends.
            resume: Path of a journal. A batch that was broken off goes on where it was; failed items are tried again.
            **kwargs: Further fields of each request, passed on as they are.

        Returns:
            A `BatchResult`: `items` with result or error of each, `results`, `failures`, `summary`.

        Raises:
            ValidationError: An item or an argument cannot be sent; nothing was.
            ConfigError: A limit is wrong, or the journal cannot be used or belongs to another batch.
            AuthenticationError: The key was refused, which ends the batch. Errors of single items are not raised.
            DirectModeError: `budget` is given in direct mode.

        Example:
            >>> batch = await sf.map_chat(["Say one", "Say two"], concurrency=8)
            >>> print([answer.content for answer in batch.results], batch.summary.cost_cents)

        Operation: createChatCompletion
        """
        limits = self._limits(concurrency, rpm, tpm, budget, progress, resume)
        fields = {"model": model, "temperature": temperature, "max_tokens": max_tokens, "extras": kwargs}
        return await self._chat_batch(items, system_prompt, fields, limits, False).run()

    def iter_map_chat(
        self,
        items: Iterable[Union[str, Sequence[Mapping[str, Any]]]],
        model: str = "gpt-4o",
        system_prompt: Optional[str] = None,
        temperature: Optional[float] = TEMPERATURE,
        max_tokens: Optional[int] = None,
        *,
        ordered: bool = False,
        concurrency: int = CONCURRENCY,
        rpm: Optional[int] = None,
        tpm: Optional[int] = None,
        budget: Optional[float] = None,
        progress: Progress = None,
        resume: Path = None,
        **kwargs: Any,
    ) -> AsyncBatch[AIResponse]:
        """Return the same batch to iterate over: it gives each item as it ends, or with `ordered=True` in their order.

        Args:
            items: As for `map_chat()`, like all arguments that are not named here.
            ordered: Whether an item waits for those before it. The ended ones are kept meanwhile.

        Returns:
            A batch: an async iterator of `BatchItem`, with the sums so far as `summary`.

        Raises:
            ValidationError: An item or an argument cannot be sent.
            ConfigError: A limit is wrong; while it is iterated as `map_chat()`.

        Example:
            >>> async for each in sf.iter_map_chat(["Say one", "Say two"]):
            ...     print(each.index, each.result.content if each.ok else each.error)

        Operation: createChatCompletion
        """
        limits = self._limits(concurrency, rpm, tpm, budget, progress, resume)
        fields = {"model": model, "temperature": temperature, "max_tokens": max_tokens, "extras": kwargs}
        return self._chat_batch(items, system_prompt, fields, limits, check_flag(ordered, "ordered"))

    async def map(
        self,
        fn: Callable[[I], Awaitable[T]],
        items: Iterable[I],
        *,
        concurrency: int = CONCURRENCY,
        rpm: Optional[int] = None,
        tpm: Optional[int] = None,
        budget: Optional[float] = None,
        progress: Progress = None,
        resume: Path = None,
    ) -> BatchResult[T]:
        """Return what a function of yours gives for many items, in their order; its calls of any client are counted.

        Args:
            fn: Called with one item. The async client takes an async function; the sync client a plain one, which
                runs in threads.
            items: What it is called with.
            concurrency: At most so many items at a time.
            rpm: At most so many items are begun in any 60 seconds.
            tpm: At most so many tokens in any 60 seconds, where an item is taken to need as many as the average did.
            budget: As for `map_chat()`; streamed answers tell no cost and cannot be used with it.
            progress: As for `map_chat()`.
            resume: As for `map_chat()`; items and results are then JSON values.

        Returns:
            A `BatchResult`. An error of the function, of whatever kind, is the error of its item.

        Raises:
            ConfigError: A limit is wrong, the journal cannot be used, or a result is no JSON value where there is one.
            AuthenticationError: The key was refused, which ends the batch.
            DirectModeError: `budget` is given in direct mode, or `fn` needs a gateway.

        Example:
            >>> batch = await sf.map(sf.redact_pii, ["Call 555-867-5309", "Nothing here"])
            >>> batch.results
            ['Call [PHONE]', 'Nothing here']
        """
        limits = self._limits(concurrency, rpm, tpm, budget, progress, resume)
        return await self._batch(fn, items, limits, False).run()

    def iter_map(
        self,
        fn: Callable[[I], Awaitable[T]],
        items: Iterable[I],
        *,
        ordered: bool = False,
        concurrency: int = CONCURRENCY,
        rpm: Optional[int] = None,
        tpm: Optional[int] = None,
        budget: Optional[float] = None,
        progress: Progress = None,
        resume: Path = None,
    ) -> AsyncBatch[T]:
        """Return the same batch to iterate over: it gives each item as it ends, or with `ordered=True` in their order.

        Args:
            fn: As for `map()`, like all arguments that are not named here.
            ordered: Whether an item waits for those before it. The ended ones are kept meanwhile.

        Returns:
            A batch: an async iterator of `BatchItem`, with the sums so far as `summary`.

        Raises:
            ConfigError: A limit is wrong; while it is iterated as `map()`.

        Example:
            >>> async for each in sf.iter_map(sf.check_compliance, ["Hello", "My SSN is 123-45-6789"], ordered=True):
            ...     print(each.item, each.result.has_violations)
        """
        limits = self._limits(concurrency, rpm, tpm, budget, progress, resume)
        return self._batch(fn, items, limits, check_flag(ordered, "ordered"))

    def _limits(
        self,
        concurrency: int,
        rpm: Optional[int],
        tpm: Optional[int],
        budget: Optional[float],
        progress: Progress,
        resume: Path,
    ) -> Limits:
        from ..batch import Limits

        check_int(concurrency, "concurrency", 1)
        for name, number in (("rpm", rpm), ("tpm", tpm)):
            if number is not None:
                check_int(number, name, 1)
        if budget is not None:
            if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 < budget < math.inf:
                raise ConfigError(f"budget must be a number of US dollars above 0, not {budget!r}")
            if self._session.settings.mode == "direct":
                raise gateway_only("The budget of a batch")
        if resume is not None and not isinstance(resume, (str, os.PathLike)):
            raise ConfigError(f"resume must be the path of a journal, not {type(resume).__name__}")
        return Limits(concurrency, rpm, tpm, budget, progress, resume)

    def _chat_batch(
        self, items: Iterable[Any], system_prompt: Optional[str], fields: Dict[str, Any], limits: Limits, ordered: bool
    ) -> AsyncBatch[AIResponse]:
        from ..batch import AsyncBatch, Work

        check_extras(fields["extras"], ("messages", "stream"))
        check_text(fields["model"], "model")
        given = _listed(items)
        for position, item in enumerate(given):
            _messages(system_prompt, item, f"items[{position}]: ")
        messages = partial(_messages, system_prompt)
        options = {"system_prompt": system_prompt, **fields, **fields["extras"]}
        del options["extras"]
        work = Work(
            "map_chat",
            partial(self._asked, messages, fields),
            partial(_tokens, messages, fields["max_tokens"] or 0),
            _to_plain,
            _from_plain,
            options,
        )
        return AsyncBatch(work, given, limits, ordered=ordered)

    async def _asked(
        self, messages: Callable[[Any], List[Dict[str, Any]]], fields: Mapping[str, Any], item: Any
    ) -> AIResponse:
        return await self._complete(messages(item), **fields)

    def _batch(
        self, fn: Callable[[I], Awaitable[T]], items: Iterable[I], limits: Limits, ordered: bool
    ) -> AsyncBatch[T]:
        from ..batch import AsyncBatch, Work

        if not callable(fn):
            raise ConfigError(f"fn must be a function, not {type(fn).__name__}")
        name = getattr(fn, "__qualname__", type(fn).__qualname__)
        work = Work("map", partial(aio.invoke, fn), _unknown, _same, _same, {"function": name})
        return AsyncBatch(work, _listed(items), limits, ordered=ordered)


def _listed(items: Any) -> List[Any]:
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Iterable):
        raise ValidationError(f"items must be a list, not {type(items).__name__}", param="items")
    return list(items)


def _messages(system_prompt: Optional[str], item: Any, place: str = "") -> List[Dict[str, Any]]:
    try:
        if isinstance(item, str):
            return conversation(item, system_prompt)
        return [*instructions(system_prompt), *check_messages(item)]
    except ValidationError as error:
        raise ValidationError(place + error.message, param=error.param) from None


def _tokens(messages: Callable[[Any], List[Dict[str, Any]]], longest_answer: int, item: Any) -> int:
    """Four letters are about a token; providers count the longest possible answer when they let a call in."""
    return sum(map(letters_of, messages(item))) // LETTERS_PER_TOKEN + longest_answer


def _unknown(item: Any) -> int:
    return 0


def _same(value: Any) -> Any:
    return value


def _to_plain(answer: AIResponse) -> Dict[str, Any]:
    told = {name: value for name, value in answer.headers.items() if name.startswith("x-")}
    return {"answer": answer.to_dict(), "headers": told}


def _from_plain(kept: Mapping[str, Any]) -> AIResponse:
    from ...types.chat import AIResponse

    return AIResponse.from_dict(kept["answer"], _Told(kept["headers"]))


class _Told:
    """Stands for the reply whose headers were kept."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers
