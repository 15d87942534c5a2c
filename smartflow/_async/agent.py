"""The agent: a conversation with memory, compliance scans and tools, on a client."""

from __future__ import annotations

import copy
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .._core.check import check_flag, check_hook, check_identity, check_int, check_messages, check_text
from .._core.defaults import TEMPERATURE
from .._core.history import trimmed
from .._core.spending import Spending
from .._core.structured import StructuredOutput
from .._core.tools import tools_of
from .._io import aio
from ..exceptions import ConfigError, SmartflowError
from ..types.agents import AgentResult, ScanVerdict
from ..types.chat import Usage
from .agent_scans import AsyncGate, AsyncScanner, check_scannable
from .agent_turn import AsyncTurn

if TYPE_CHECKING:
    from .client import SmartflowClient

__all__ = ["SmartflowAgent"]

_WITHOUT_SCANS = "SmartflowAgent(..., enable_compliance_scan=False), or chat(..., scan_input=False, scan_output=False)"
# The turns that called the code that runs now, by way of tools and hooks.
_TURNS: ContextVar[Tuple[AsyncTurn, ...]] = ContextVar("turns", default=())


class SmartflowAgent:
    """A conversation with memory, whose messages are scanned and which can call tools.

    A turn is all or nothing: when it fails, is blocked or is cancelled, the history is as it was before. Turns of one
    agent run one after the other, also when several tasks call it.

    Each text is scanned twice, by `intelligent_scan` (with the user and the organisation) and by `check_compliance`
    (with the policy); the stricter verdict decides. `Block` is a ComplianceError. `Review` needs `on_review` to return
    True; without it, it is a ComplianceError too. `AllowAndLog` goes on and is told to `on_log`.

    Args:
        client: The client that makes the calls; it stays yours to close.
        name: The agent's name, in errors and logs.
        model: The model, with or without a provider prefix.
        system_prompt: Instructions to the model; the first message of the history.
        temperature: 0 to 2; None is never sent.
        max_tokens: The longest answer, in tokens.
        compliance_policy: The policy of the rule-based scan, for example `pci_dss_strict`.
        enable_compliance_scan: False turns all scans off. Without a gateway (direct mode) there are none, so there a
            turn that would be scanned is a DirectModeError.
        user_id: On whose behalf the agent speaks: for the scans, and as a header of the calls.
        org_id: The user's organisation, for the scans.
        tools: Functions that the model may call; each is described by its signature and docstring. A dict in the
            wire's shape is told to the model too, but there is nothing to run when the model calls it.
        on_review: Called with a `ScanVerdict` for each text that a person has to review; True lets it pass.
        on_log: Called with a `ScanVerdict` for each text that passes but is to be logged; by default a warning of the
            logger `smartflow`, without the text.
        max_turns: How many calls of the model one message may take.
        max_parallel_tools: How many tools run at the same time.
        timeout: Seconds for one message, all calls of the model together; a tool that runs is not interrupted.
        max_history_tokens: After a turn the oldest turns are forgotten until about so many tokens are left, as the
            provider counts them; the system prompt and the last turn always stay. None keeps everything.

    Raises:
        ConfigError: An argument is wrong.

    Example:
        >>> agent = SmartflowAgent(client=sf, name="TechSupport", system_prompt="You are patient.", user_id="alice")
        >>> print(await agent.chat("My application keeps crashing"))
    """

    def __init__(
        self,
        client: SmartflowClient,
        name: str = "SmartflowAgent",
        model: str = "gpt-4o",
        system_prompt: Optional[str] = None,
        temperature: Optional[float] = TEMPERATURE,
        max_tokens: Optional[int] = None,
        compliance_policy: str = "enterprise_standard",
        enable_compliance_scan: bool = True,
        user_id: Optional[str] = None,
        org_id: Optional[str] = None,
        tools: Optional[Sequence[Any]] = None,
        *,
        on_review: Optional[Callable[[ScanVerdict], Any]] = None,
        on_log: Optional[Callable[[ScanVerdict], Any]] = None,
        max_turns: int = 10,
        max_parallel_tools: int = 4,
        timeout: Optional[float] = None,
        max_history_tokens: Optional[int] = None,
    ) -> None:
        if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout <= 0):
            raise ConfigError(f"timeout must be a positive number of seconds, not {timeout!r}")
        self.client: SmartflowClient = client
        self.name: str = check_text(name, "name")
        self.model: str = check_text(model, "model")
        self.system_prompt: Optional[str] = (
            None if system_prompt is None else check_text(system_prompt, "system_prompt", empty=True)
        )
        self.temperature: Optional[float] = temperature
        self.max_tokens: Optional[int] = max_tokens
        self.compliance_policy: str = check_text(compliance_policy, "compliance_policy")
        self.enable_compliance_scan: bool = check_flag(enable_compliance_scan, "enable_compliance_scan")
        self.user_id: Optional[str] = None if user_id is None else check_identity(user_id, "user_id")
        self.org_id: Optional[str] = None if org_id is None else check_text(org_id, "org_id")
        self.on_review: Optional[Callable[[ScanVerdict], Any]] = check_hook(on_review, "on_review")
        self.on_log: Optional[Callable[[ScanVerdict], Any]] = check_hook(on_log, "on_log")
        self.max_turns: int = check_int(max_turns, "max_turns", 1)
        self.max_parallel_tools: int = check_int(max_parallel_tools, "max_parallel_tools", 1)
        self.timeout: Optional[float] = timeout
        self.max_history_tokens: Optional[int] = (
            None if max_history_tokens is None else check_int(max_history_tokens, "max_history_tokens", 1)
        )
        self._tools = tools_of(tools)
        self._spending = Spending()
        self._lock = aio.Lock()
        self._messages: List[Dict[str, Any]] = []
        # What no turn has brought: the system prompt, and a history that was set.
        self._unscanned: List[Dict[str, Any]] = []
        self._current: Optional[AsyncTurn] = None
        self.clear_history()

    async def chat(self, message: str, scan_input: bool = True, scan_output: bool = True) -> str:
        """Return the agent's answer to a message.

        Args:
            message: What the user says.
            scan_input: Whether the message, what tools return and, in the first scanned turn, the system prompt or a
                history that was set are scanned before the model gets them.
            scan_output: Whether the answer is scanned before you get it.

        Returns:
            The text of the answer.

        Raises:
            ComplianceError: A text is blocked; `violations` and `risk_score` say why, `details["stage"]` which text.
            DirectModeError: A scan is wanted, and the client has no gateway.
            TimeoutError: The agent's timeout ran out.
            SmartflowError: Any other failure; see `smartflow.exceptions`. The history is as it was before.

        Example:
            >>> agent = SmartflowAgent(sf, system_prompt="You are brief.")
            >>> print(await agent.chat("What is REST?"))
        """
        return (await self.run(message, scan_input, scan_output)).content

    async def run(
        self, message: str, scan_input: bool = True, scan_output: bool = True, *, output_type: Any = None
    ) -> AgentResult:
        """Return the agent's answer with what it took: tokens, cost, tool calls and verdicts.

        Args:
            message: What the user says.
            scan_input: As for `chat()`.
            scan_output: As for `chat()`.
            output_type: A dataclass, TypedDict, pydantic model or plain type that the answer shall be, as `output`. An
                answer that does not fit is given back to the model, within `max_turns`.

        Returns:
            An `AgentResult`.

        Raises:
            ConfigError: The output type has no JSON schema.
            ResponseValidationError: No answer was of the output type.
            ComplianceError: As for `chat()`.
            SmartflowError: As for `chat()`.

        Example:
            >>> result = await SmartflowAgent(sf).run("What is REST?")
            >>> print(result.content, result.usage.total_tokens, result.turns)
        """
        wanted = None if output_type is None else StructuredOutput(output_type)
        return await self._run(message, scan_input, scan_output, wanted=wanted)

    async def _run(
        self,
        message: str,
        scan_input: bool,
        scan_output: bool,
        also: Optional[Spending] = None,
        wanted: Optional[StructuredOutput] = None,
    ) -> AgentResult:
        """A turn; `also` counts what it used, like the agent itself does, whatever becomes of it."""
        check_text(message, "message")
        scan_input = check_flag(scan_input, "scan_input") and self.enable_compliance_scan
        scan_output = check_flag(scan_output, "scan_output") and self.enable_compliance_scan
        if scan_input or scan_output:
            check_scannable(self.client, f"agent {self.name!r}", _WITHOUT_SCANS)
        if self._current is not None and self._current in _TURNS.get():
            raise SmartflowError(
                f"agent {self.name!r} is in the midst of a turn: a tool or hook of its own must not talk to it; "
                "let it talk to another agent"
            )
        async with self._lock:
            unscanned = self._unscanned
            turn = self._current = self._turn(scan_input, scan_output, wanted)
            before = _TURNS.set((*_TURNS.get(), turn))
            try:
                result = await turn.run(message)
                # Added, not replaced: the history may have been cleared meanwhile.
                self._messages = self._kept([*self._messages, *turn.said], turn.tokens)
                if scan_input and self._unscanned is unscanned:
                    self._unscanned = []
            finally:
                _TURNS.reset(before)
                self._current = None
                # Calls that were made are paid for, whatever became of the turn.
                for each in (self._spending, also):
                    if each is not None:
                        each.add(turn.spending.usage, turn.spending.cost_cents)
        return result

    def _kept(self, messages: List[Dict[str, Any]], tokens: int) -> List[Dict[str, Any]]:
        limit = self.max_history_tokens
        return messages if limit is None else trimmed(messages, limit, tokens)

    def _turn(self, scan_input: bool, scan_output: bool, wanted: Optional[StructuredOutput]) -> AsyncTurn:
        client = self.client if self.user_id is None else self.client.with_options(user_id=self.user_id)
        request: Dict[str, Any] = {"model": self.model, "temperature": self.temperature, "max_tokens": self.max_tokens}
        if self._tools:
            request["tools"] = [tool.to_wire() for tool in self._tools.values()]
        if wanted is not None:
            request["response_format"] = wanted.to_wire()
        gate = AsyncGate(f"agent {self.name!r}", self.on_review, self.on_log)
        scanner = AsyncScanner(client, gate, self.compliance_policy, self.user_id, self.org_id)
        return AsyncTurn(
            client,
            list(self._messages),
            request,
            self._tools,
            scanner=scanner,
            scan_input=scan_input,
            scan_output=scan_output,
            unscanned=self._unscanned,
            max_turns=self.max_turns,
            max_parallel_tools=self.max_parallel_tools,
            timeout=self.timeout,
            wanted=wanted,
        )

    def clear_history(self) -> None:
        """Forget the conversation; the system prompt stays."""
        self._messages = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        self._unscanned = list(self._messages)

    def get_history(self) -> List[Dict[str, Any]]:
        """Return a copy of the conversation, oldest first, the system prompt included.

        Returns:
            Messages as the wire has them: dicts with `role` and `content`. Changing them changes nothing in the agent.

        Example:
            >>> SmartflowAgent(sf, system_prompt="You are brief.").get_history()
            [{'role': 'system', 'content': 'You are brief.'}]
        """
        return copy.deepcopy(self._messages)

    def set_history(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Continue another conversation, such as one that was kept as JSON; they are copied, and scanned in the next turn.

        Args:
            messages: What `get_history()` gave. Its system prompt is taken as it stands there.

        Raises:
            ValidationError: They are no list of messages.

        Example:
            >>> agent = SmartflowAgent(sf)
            >>> agent.set_history([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
            >>> print(agent.message_count)
            2
        """
        self._messages = copy.deepcopy(check_messages(messages)) if messages else []
        self._unscanned = list(self._messages)

    @property
    def message_count(self) -> int:
        """Number of messages in the history, the system prompt included."""
        return len(self._messages)

    @property
    def usage(self) -> Usage:
        """Tokens of all turns so far, also of those that failed."""
        return self._spending.usage

    @property
    def total_cost_cents(self) -> float:
        """Estimated cost of all turns so far in US cents, as far as the gateway told."""
        return self._spending.cost_cents

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.model}, {self.message_count} messages>"
