"""The client: it checks its arguments, and makes, shares and closes what the method groups work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Union

from .._core.call import Options, checked_headers
from .._core.check import check_connections, check_identity, check_options, check_retries
from .._core.gateway_only import gateway_only
from ..config import DEFAULT_TIMEOUT, make_settings
from ..types.options import ResponseInfo, Timeouts, as_timeouts
from .methods.audit import AsyncAuditMethods
from .methods.audit_chain import AsyncAuditChainMethods
from .methods.batches import AsyncBatchMethods
from .methods.chains import AsyncChainMethods
from .methods.chat import AsyncChatMethods
from .methods.compliance import AsyncComplianceMethods
from .methods.keys import AsyncKeysMethods
from .methods.learning import AsyncLearningMethods
from .methods.media import AsyncMediaMethods
from .methods.raw import AsyncRawMethods
from .methods.system import AsyncSystemMethods
from .methods.vendors import AsyncVendorMethods
from .session import AsyncSession

if TYPE_CHECKING:
    from typing_extensions import NoReturn, Self

__all__ = ["SmartflowClient"]

UNGIVEN: Any = object()


class SmartflowClient(
    AsyncBatchMethods,
    AsyncChatMethods,
    AsyncMediaMethods,
    AsyncComplianceMethods,
    AsyncLearningMethods,
    AsyncAuditMethods,
    AsyncAuditChainMethods,
    AsyncSystemMethods,
    AsyncChainMethods,
    AsyncVendorMethods,
    AsyncRawMethods,
    AsyncKeysMethods,
):
    """A client of one Smartflow gateway, or without one of the providers themselves. Safe for any number of concurrent calls.

    Args:
        base_url: The gateway's proxy service, for example `http://smartflow:7775`; by default the environment
            variable `SMARTFLOW_GATEWAY_URL`, then `SMARTFLOW_URL`, then the profile and the configuration file. Where
            none of them names a gateway, the client is in direct mode: it calls the providers whose keys are set.
        api_key: The virtual key (`sk-sf-...`); by default `SMARTFLOW_API_KEY`, then the profile and the file. A key
            that was configured for another gateway than `base_url` is not used.
        timeout: Seconds for a whole call (for a stream: for its first byte, and between two events), or `Timeouts`.
        management_port: Port of the management service, on the same host.
        compliance_port: Port of the compliance service.
        bridge_port: Port of the hybrid bridge.
        policy_perfect_port: Port of the policy service.
        management_url, compliance_url, bridge_url, policy_url: Whole URLs, where a service is not on the same host.
        http_client: An httpx client of yours, which you close; it brings its own proxies, TLS and limits.
        transport: An httpx transport, for example a test double.
        default_headers: Headers for every call.
        max_retries: How often a call that may be repeated safely is sent again; by default 2.
        verify: True, the path of a CA file or folder, an `ssl.SSLContext`, or False (never in production).
        proxy: URL of an HTTP proxy; by default `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are obeyed.
        attestation: An agent's attestation token; by default `SMARTFLOW_ATTESTATION`.
        max_connections: At most so many connections at a time.
        allow_insecure_http: Allow a key over plain http to a public host.
        profile: A profile of `~/.smartflow/config.yaml`; by default `SMARTFLOW_PROFILE`, then the file's own default.
        providers: For direct mode: keys and addresses by the names of the file, such as `openai_api_key`; by default the
            providers' usual environment variables, then the profile and the file.

    Raises:
        ConfigError: An argument, an environment variable or the configuration file is wrong; nothing is sent.

    Example:
        >>> async with SmartflowClient("http://smartflow:7775", api_key="sk-sf-...") as sf:
        ...     print(await sf.chat("Hello"))
    """

    def __init__(
        self,
        base_url: Optional[str] = None,
        api_key: Optional[str] = None,
        timeout: Union[float, Timeouts, None] = DEFAULT_TIMEOUT,
        management_port: int = 7778,
        compliance_port: int = 7777,
        bridge_port: int = 3500,
        policy_perfect_port: int = 7782,
        *,
        management_url: Optional[str] = None,
        compliance_url: Optional[str] = None,
        bridge_url: Optional[str] = None,
        policy_url: Optional[str] = None,
        http_client: Any = None,
        transport: Any = None,
        default_headers: Optional[Mapping[str, str]] = None,
        max_retries: Optional[int] = None,
        verify: Any = True,
        proxy: Optional[str] = None,
        attestation: Optional[str] = None,
        max_connections: int = 500,
        allow_insecure_http: bool = False,
        profile: Optional[str] = None,
        providers: Optional[Mapping[str, str]] = None,
    ) -> None:
        headers = checked_headers(default_headers)
        check_connections(max_connections)
        settings = make_settings(
            base_url,
            api_key,
            ports={
                "management": management_port,
                "compliance": compliance_port,
                "bridge": bridge_port,
                "policy": policy_perfect_port,
            },
            urls={
                "management": management_url,
                "compliance": compliance_url,
                "bridge": bridge_url,
                "policy": policy_url,
            },
            attestation=attestation,
            allow_insecure_http=allow_insecure_http,
            http_client=http_client,
            transport=transport,
            verify=verify,
            proxy=proxy,
            max_connections=max_connections,
            profile=profile,
            providers=providers,
            timeout=timeout,
            max_retries=max_retries,
        )
        options = Options(as_timeouts(settings.timeout), check_retries(settings.max_retries), headers)
        self._session = AsyncSession.of(settings, options)

    def with_options(
        self,
        *,
        timeout: Union[float, Timeouts, None] = UNGIVEN,
        max_retries: Optional[int] = None,
        headers: Optional[Mapping[str, str]] = None,
        user_id: Optional[str] = None,
        conversation_id: Optional[str] = None,
        on_response: Optional[Callable[[ResponseInfo], None]] = None,
        **unknown: NoReturn,
    ) -> Self:
        """Return a copy of the client with other options; it shares connections, and is closed with the original.

        Args:
            timeout: As in the constructor.
            max_retries: As in the constructor.
            headers: Headers to add.
            user_id: The user on whose behalf calls are made (header `x-smartflow-user-id`).
            conversation_id: The conversation that calls belong to (header `x-conversation-id`).
            on_response: Called with a `ResponseInfo` (status, request id, headers) after each answered call.

        Raises:
            ConfigError: An option is unknown or wrong.

        Example:
            >>> await sf.with_options(timeout=120, user_id="alice").chat("A long story, please")
        """
        check_options(unknown)
        changes: Dict[str, Any] = {}
        if timeout is not UNGIVEN:
            changes["timeouts"] = as_timeouts(timeout)
        if max_retries is not None:
            changes["max_retries"] = check_retries(max_retries)
        if on_response is not None:
            changes["on_response"] = on_response
        added = checked_headers(headers)
        if user_id is not None:
            added["x-smartflow-user-id"] = check_identity(user_id, "user_id")
        if conversation_id is not None:
            added["x-conversation-id"] = check_identity(conversation_id, "conversation_id")
        copy: Self = object.__new__(type(self))
        copy._session = self._session.derive(headers=added, **changes)
        return copy

    @property
    def mode(self) -> str:
        """`gateway` when calls go through a Smartflow gateway, `direct` when they go to the providers themselves."""
        return self._session.settings.mode

    def is_gateway_mode(self) -> bool:
        """Whether calls go through a Smartflow gateway."""
        return self.mode == "gateway"

    @property
    def base_url(self) -> str:
        """URL of the proxy service. In direct mode there is none, and this and its siblings raise DirectModeError."""
        return self._url("proxy")

    @property
    def management_url(self) -> str:
        """URL of the management service."""
        return self._url("management")

    @property
    def compliance_url(self) -> str:
        """URL of the compliance service."""
        return self._url("compliance")

    @property
    def bridge_url(self) -> str:
        """URL of the hybrid bridge."""
        return self._url("bridge")

    @property
    def policy_perfect_url(self) -> str:
        """URL of the policy service."""
        return self._url("policy")

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._session.closed

    async def close(self) -> None:
        """Close the client's connections. Closing twice does nothing; calls after it raise a SmartflowError."""
        await self._session.aclose()

    async def _ensure_client(self) -> None:
        """Make ready what calls need; calls do so themselves."""
        self._session.ensure_open()

    def _url(self, service: str) -> str:
        if self.mode == "direct":
            raise gateway_only(f"The {service} service")
        return self._session.settings.origins[service].url

    async def __aenter__(self) -> Self:
        self._session.ensure_open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        where = self.base_url if self.is_gateway_mode() else "direct"
        return f"<{type(self).__name__} {where}{' closed' if self.closed else ''}>"
