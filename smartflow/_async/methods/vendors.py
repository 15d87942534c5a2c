"""The vendors' own clients, already pointed at the gateway, or in direct mode at the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional

from ..._core.secrets import reveal
from ...exceptions import ConfigError, ValidationError
from .base import AsyncMethods

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI

__all__ = ["AsyncVendorMethods"]

# The vendors' clients refuse to be made without a key; a gateway in open mode needs none.
_NO_KEY = "sk-sf-none"


class AsyncVendorMethods(AsyncMethods):
    """The methods of the client that hand out clients of other makers."""

    def openai(self, provider: Optional[str] = None, **options: Any) -> AsyncOpenAI:
        """Return OpenAI's own client, with the address and the key that this client uses; you close it.

        Args:
            provider: A provider by its prefix: in gateway mode the one that all calls are sent to, in direct mode the
                OpenAI-compatible one that is called; by default the gateway decides, or OpenAI is called.
            **options: Arguments of OpenAI's client, which go before those taken from this one.

        Returns:
            An `openai.AsyncOpenAI`; for Azure an `openai.AsyncAzureOpenAI`.

        Raises:
            ConfigError: The package is not installed, or the provider is not configured.
            ValidationError: The provider does not speak OpenAI's format.

        Example:
            >>> async with sf.openai() as client:
            ...     answer = await client.chat.completions.create(
            ...         model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
            ...     )

        Operation: none
        """
        module = _imported("openai")
        client: AsyncOpenAI
        if self._session.settings.mode == "gateway":
            client = module.AsyncOpenAI(**{**self._gateway_options("/v1", provider), **options})
            return client
        target = self._target(provider or "openai")
        if target.provider == "azure":
            version = target.options["api_version"]
            given = {"azure_endpoint": target.base_url, "api_version": version, **self._common(target.key), **options}
            client = module.AsyncAzureOpenAI(**given)
            return client
        if _dialect_of(target.provider) not in ("openai", "vertex_ai"):
            raise ValidationError(
                f"{target.provider} does not speak OpenAI's format: use this client's own methods", param="provider"
            )
        client = module.AsyncOpenAI(**{"base_url": target.base_url, **self._common(target.key), **options})
        return client

    def anthropic(self, **options: Any) -> AsyncAnthropic:
        """Return Anthropic's own client, with the address and the key that this client uses; you close it.

        Args:
            **options: Arguments of Anthropic's client, which go before those taken from this one.

        Returns:
            An `anthropic.AsyncAnthropic`.

        Raises:
            ConfigError: The package is not installed, or in direct mode Anthropic is not configured.

        Example:
            >>> async with sf.anthropic() as client:
            ...     message = await client.messages.create(
            ...         model="claude-sonnet-4-6", max_tokens=100, messages=[{"role": "user", "content": "Hello"}]
            ...     )

        Operation: none
        """
        module = _imported("anthropic")
        if self._session.settings.mode == "gateway":
            given = self._gateway_options("/anthropic", None)
        else:
            target = self._target("anthropic")
            given = {"base_url": target.base_url, **self._common(target.key)}
        client: AsyncAnthropic = module.AsyncAnthropic(**{**given, **options})
        return client

    def _gateway_options(self, path: str, provider: Optional[str]) -> Dict[str, Any]:
        settings = self._session.settings
        headers = {"x-smartflow-provider": provider} if provider else {}
        if settings.attestation:
            headers["x-aperion-attestation"] = reveal(settings.attestation)
        url = settings.origins["proxy"].url + path
        common = self._common(settings.api_key)
        return {"base_url": url, **common, "default_headers": {**common["default_headers"], **headers}}

    def _common(self, key: Any) -> Dict[str, Any]:
        settings, options = self._session.settings, self._session.call_options()
        if settings.verify is not True or settings.proxy or settings.http_client or settings.transport:
            raise ConfigError(
                "verify, proxy, http_client and transport cannot be handed on to another maker's client: make it "
                "yourself, with an http_client of its own"
            )
        return {
            "api_key": reveal(key) if key else _NO_KEY,
            "timeout": options.timeouts.total,
            "max_retries": options.max_retries,
            "default_headers": dict(options.headers),
        }

    def _target(self, provider: str) -> Any:
        from ...providers.plans import known_provider
        from ...providers.table import ModelRef
        from ...providers.targets import target_for

        return target_for(ModelRef(known_provider(provider), ""), self._session.settings.providers)


def _dialect_of(provider: str) -> str:
    from ...providers.table import PROVIDERS

    return PROVIDERS[provider].dialect


def _imported(package: str) -> Any:
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(f"the package {package} is not installed: pip install 'smartflow-sdk[{package}]'") from error
