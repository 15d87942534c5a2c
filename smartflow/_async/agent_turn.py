"""One turn of an agent: scans, calls of the model, and calls of tools until there is an answer."""

from __future__ import annotations

import copy
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from .._core.spending import Spending
from .._core.structured import StructuredOutput
from .._core.tools import AgentTool
from .._io import aio
from ..exceptions import ResponseValidationError, SmartflowError, TimeoutError, ValidationError
from ..types.agents import AgentResult, ToolCall
from ..types.chat import AIResponse, text_of
from .agent_scans import AsyncScanner

if TYPE_CHECKING:
    from .client import SmartflowClient

__all__ = ["AsyncTurn"]


class AsyncTurn:
    """Works on messages of its own; the agent takes them over only when the turn has come to its end."""

    def __init__(
        self,
        client: SmartflowClient,
        messages: List[Dict[str, Any]],
        request: Mapping[str, Any],
        tools: Mapping[str, AgentTool],
        *,
        scanner: AsyncScanner,
        scan_input: bool,
        scan_output: bool,
        unscanned: Sequence[Mapping[str, Any]],
        max_turns: int,
        max_parallel_tools: int,
        timeout: Optional[float],
        wanted: Optional[StructuredOutput] = None,
    ) -> None:
        self._client = client
        self.messages = messages
        self._before = len(messages)
        self._unscanned = unscanned
        self._request = request
        self._tools = tools
        self._scanner = scanner
        self._scan_input = scan_input
        self._scan_output = scan_output
        self._max_turns = max_turns
        self._limit = max_parallel_tools
        self._timeout = timeout
        self._wanted = wanted
        self._misfit: Optional[ValidationError] = None
        self._ends = None if timeout is None else time.monotonic() + timeout
        self._called: List[ToolCall] = []
        self.spending = Spending()
        # What the provider counted for the whole conversation in its last answer.
        self.tokens = 0

    async def run(self, message: str) -> AgentResult:
        """The result; `said` is then the whole turn."""
        if self._scan_input:
            for earlier in self._unscanned:
                await self._scanner.scan("history", text_of(earlier.get("content")))
            await self._scanner.scan("input", message)
        self.messages.append({"role": "user", "content": message})
        for turn in range(1, self._max_turns + 1):
            answer = await self._ask()
            text = answer.content or answer.refusal or ""
            if self._scan_output:
                await self._scanner.scan("output", text)
            self.messages.append({**copy.deepcopy(answer.message), "role": "assistant"})
            if answer.tool_calls:
                await self._answer_calls(answer.tool_calls)
            elif self._fits(text):
                spent, scans = self.spending, self._scanner.verdicts
                return AgentResult(text, spent.usage, spent.cost_cents, turn, self._called, scans, self._output)
        if self._misfit is not None:
            raise ResponseValidationError(
                f"after max_turns={self._max_turns} calls the answer still does not fit: {self._misfit.message}",
                body=text,
            )
        raise SmartflowError(
            f"no answer after max_turns={self._max_turns} calls of the model: it still wants to call tools",
            code="max_turns",
        )

    @property
    def said(self) -> List[Dict[str, Any]]:
        """What this turn adds to the conversation."""
        return self.messages[self._before :]

    def _fits(self, text: str) -> bool:
        """Whether the answer is of the wanted type; what is wrong with it is told to the model, which tries again."""
        self._output: Any = text
        if self._wanted is None:
            return True
        try:
            self._output = self._wanted.read(text)
        except ValidationError as error:
            self._misfit = error
            self.messages.append({"role": "user", "content": f"That does not fit: {error.message}. Answer again."})
            return False
        return True

    async def _ask(self) -> AIResponse:
        client = self._client if self._ends is None else self._client.with_options(timeout=self._left())
        answer: AIResponse = await client.chat_completions(self.messages, **self._request)
        self.spending.add_answer(answer)
        self.tokens = answer.usage.total_tokens
        return answer

    def _left(self) -> float:
        left = (self._ends or 0.0) - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the run of the agent took longer than its timeout={self._timeout:g} s", phase="total")
        return left

    async def _answer_calls(self, calls: Sequence[Mapping[str, Any]]) -> None:
        """Run the tools side by side; what goes wrong in one is told to the model, which may try something else."""
        outcomes = await aio.settled([partial(self._call, call) for call in calls], self._limit)
        for call, outcome in zip(calls, outcomes):
            if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
                raise outcome
            record = outcome if isinstance(outcome, ToolCall) else _failed(call, outcome)
            if self._scan_input:
                await self._scanner.scan("tool", record.output)
            self._called.append(record)
            self.messages.append({"role": "tool", "tool_call_id": call.get("id"), "content": record.output})

    async def _call(self, call: Mapping[str, Any]) -> ToolCall:
        name = _function_of(call).get("name")
        tool = self._tools.get(str(name))
        if tool is None or tool.function is None:
            known = ", ".join(self._tools) or "none"
            raise ValidationError(f"there is no function for a tool {name!r}; tools: {known}")
        arguments = tool.arguments_of(_function_of(call).get("arguments"))
        result = await aio.invoke(tool.function, **arguments)
        return ToolCall(tool.name, arguments, tool.text_of(result))


def _function_of(call: Mapping[str, Any]) -> Mapping[str, Any]:
    function = call.get("function")
    return function if isinstance(function, dict) else {}


def _failed(call: Mapping[str, Any], error: Any) -> ToolCall:
    words = f"{type(error).__name__}: {error}"
    arguments = {"arguments": _function_of(call).get("arguments")}
    return ToolCall(str(_function_of(call).get("name")), arguments, f"Error: {words}", words)
