"""Direct mode: a provider's dialect builds the call, and the pipeline sends it to the provider itself."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar

from .._core.call import Call, Header, Options
from .._core.errors import with_facts
from .._core.exchange import SECRET_HEADERS
from .._core.gateway_only import feature_of, gateway_only
from .._core.jsoncodec import encode
from .._core.secrets import Secret
from .._core.urls import split_url
from .._io import aio
from .._io.meter import heard
from .._io.multipart import encode_multipart
from .._io.tally import CountedReader, Tally
from ..config import Settings
from ..exceptions import ConfigError, ResponseValidationError, SmartflowError
from ..providers.dialect import ProviderCall, decode_answer
from ..providers.peer import ProviderPeer
from ..providers.plans import OFFERED, Plan, model_plans, plan
from ..providers.table import PROVIDERS
from .session import AsyncSession

__all__ = ["AsyncDirectSession"]

T = TypeVar("T")
log = logging.getLogger("smartflow")
# What tells a gateway who calls; a provider has no business knowing it.
_FOR_GATEWAYS = ("x-smartflow-", "x-aperion-", "x-conversation-", "x-session-", "x-user-", "x-mcp-", "x-a2a-")


class AsyncDirectSession(AsyncSession):
    """Sends what providers can do to the provider that the model names; everything else needs a gateway."""

    def __init__(self, settings: Settings, options: Options) -> None:
        super().__init__(settings, options)
        self._tally = Tally()

    async def send(self, operation: Any, request: Mapping[str, Any], *, stream: bool = False) -> Any:
        """The provider's reply; what it holds is in the contract's shape."""
        planned = self._plan(operation, request)
        reply = await self._reply(operation, planned, stream=stream)
        if planned.reader is not None:
            reply.reader = CountedReader(planned.reader, self._tally)
        elif reply.media_type == "application/json":
            reply.content = encode(self._understood(operation, planned, reply))
        return reply

    async def read(self, operation: Any, request: Mapping[str, Any], read: Callable[[Any, Any], T]) -> T:
        """What `read` makes of the provider's answer in the contract's shape."""
        name = operation.operation_id
        if name == "getCacheStats":
            return read(self._tally.as_cache_stats(), None)
        planned = self._plan(operation, request)
        reply = await self._reply(operation, planned)
        try:
            return read(self._understood(operation, planned, reply), reply)
        except ResponseValidationError as error:
            raise error if error.operation else with_facts(error, name, reply) from None

    def _plan(self, operation: Any, request: Mapping[str, Any]) -> Plan:
        name = operation.operation_id
        if name not in OFFERED:
            raise gateway_only(feature_of(operation.path) or name, name)
        key = (request.get("headers") or {}).get("x-api-key")
        body = request["json"] if "json" in request else _form(request["files"])
        return plan(name, body, self.settings.providers, key=Secret(key) if key else None, created=int(time.time()))

    async def _reply(self, operation: Any, planned: Plan, *, stream: bool = False) -> Any:
        variable = PROVIDERS[planned.target.provider].key_variable
        place = self.settings.providers.place(variable or "")
        call = _as_call(operation.operation_id, planned.call, ProviderPeer(planned.target, place), stream)
        try:
            reply = await self.carry_out(call)
        except SmartflowError:
            self._tally.failed()
            raise
        self._tally.answered()
        return reply

    def _understood(self, operation: Any, planned: Plan, reply: Any) -> Any:
        try:
            answer = planned.read(decode_answer(PROVIDERS[planned.target.provider], reply.content))
        except ResponseValidationError as error:
            raise with_facts(error, operation.operation_id, reply) from None
        self._tally.used(answer)
        heard(answer, reply.headers)
        return answer

    async def models(
        self, operation: Any, request: Mapping[str, Any], read: Callable[[Any, Any], List[T]], provider: Optional[str]
    ) -> List[T]:
        """The models of all configured providers, or of one."""
        plans = model_plans(self.settings.providers, provider)
        if not plans:
            raise ConfigError(
                "no provider is configured: set the key of one, for example OPENAI_API_KEY, or run `smartflow configure`"
            )
        found = await aio.together([partial(self._listed, operation, each) for each in plans])
        failures = [error for _, error in found if error is not None]
        if len(failures) == len(found):
            raise failures[0]
        for error in failures:
            log.warning("the models of %s are missing from the list: %s", error.provider, error)
        return read({"data": [model for models, _ in found for model in models]}, None)

    async def _listed(self, operation: Any, planned: Plan) -> Tuple[List[Dict[str, Any]], Optional[SmartflowError]]:
        try:
            reply = await self._reply(operation, planned)
            return self._understood(operation, planned, reply), None
        except SmartflowError as error:
            return [], error

    def call_options(self) -> Options:
        """The options as they apply to a call to a provider: without what only a gateway is told, and with no key but the provider's."""
        headers = self.options.headers
        if not headers:
            return self.options
        for name in headers:
            if name.encode("ascii") in SECRET_HEADERS:
                raise ConfigError(
                    f"in direct mode the header {name} cannot be set for all providers: configure the key of each, "
                    "for example in OPENAI_API_KEY"
                )
        kept = {name: value for name, value in headers.items() if not name.startswith(_FOR_GATEWAYS)}
        return Options(self.options.timeouts, self.options.max_retries, kept, self.options.on_response)


def _as_call(operation: str, asked: ProviderCall, peer: ProviderPeer, stream: bool) -> Call:
    origin, path = split_url(asked.url)
    encoded: Any = None
    if asked.files is not None:
        encoded = encode_multipart({"files": asked.files, "data": asked.form})
    elif asked.content is not None:
        length: List[Header] = [(b"content-length", b"%d" % len(asked.content))]
        encoded = (length, asked.content)
    return Call(
        operation,
        origin,
        asked.method,
        path,
        headers=asked.headers,
        body=asked.json,
        transport_body=encoded,
        stream=stream,
        peer=peer,
    )


def _form(parts: Any) -> Dict[str, Any]:
    """The fields of a form, and its file, as a body; a field that is repeated is a list."""
    found: Dict[str, Any] = {}
    for name, (filename, content, *kind) in parts:
        if filename is not None:
            found[name] = (filename, content, kind[0] if kind else "application/octet-stream")
            continue
        value = content.decode("utf-8") if isinstance(content, bytes) else content
        found[name] = [*_several(found[name]), value] if name in found else value
    return found


def _several(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value]
