"""Virtual keys: created, listed, changed and revoked by an admin."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, List, Mapping, Optional, Sequence, Union

from ..._core.check import check_int, check_segment, check_text
from ..._core.keyfields import key_fields
from .base import AsyncMethods, rows_of

if TYPE_CHECKING:
    from ...types.keys import VirtualKey

__all__ = ["AsyncKeysMethods"]


class AsyncKeysMethods(AsyncMethods):
    """The methods of the client for virtual keys."""

    async def create_virtual_key(
        self,
        name: str,
        *,
        admin: bool = False,
        user_id: Optional[str] = None,
        team_id: Optional[str] = None,
        budget_usd: Optional[float] = None,
        budget_period: Optional[str] = None,
        rpm_limit: Optional[int] = None,
        tpm_limit: Optional[int] = None,
        allowed_models: Optional[Sequence[str]] = None,
        compliance_mode: Optional[str] = None,
        expires_at: Union[str, datetime, None] = None,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> VirtualKey:
        """Return a new virtual key; its text is in `key`, this once.

        Needs an admin key. While the gateway has no key at all, only an admin key can be created. A call that broke off may
        have created a key whose text nobody knows: find it with `list_virtual_keys`, and revoke it.

        Args:
            name: What the key is for.
            admin: Whether it may manage keys and routing.
            user_id: The user that it stands for; it wins over the user that a call names.
            team_id: The team that it belongs to.
            budget_usd: The most that it may spend in one period, in US dollars.
            budget_period: `daily`, `weekly`, `monthly` (all in UTC) or `lifetime`, which is what counts without it.
            rpm_limit: Requests a minute.
            tpm_limit: Tokens a minute.
            allowed_models: The models that it may call, such as `gpt-4o`, `gpt-4o*`, `anthropic/*`; all without it.
            compliance_mode: How strictly its calls are checked: `off`, `log`, `redact` or `block`; a call may ask for more, never for less.
            expires_at: When it ends: a `datetime` with a zone, or ISO-8601.
            metadata: Texts of your own.

        Raises:
            ValidationError: An argument is wrong, or the first key is not an admin's.
            AuthenticationError: The client's key is not good.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> created = await sf.create_virtual_key("operations", admin=True)
            >>> print(created.key_id, len(created.key))

        Operation: createVirtualKey
        """
        from smartflow_generated.management.api.keys import create_virtual_key as op

        from ...types.keys import VirtualKey

        body = key_fields(
            name=check_text(name, "name"), admin=admin or None, user_id=user_id, team_id=team_id, budget_usd=budget_usd,
            budget_period=budget_period, rpm_limit=rpm_limit, tpm_limit=tpm_limit, allowed_models=allowed_models,
            compliance_mode=compliance_mode, expires_at=expires_at, metadata=metadata,
        )  # fmt: skip
        return await self._session.read(op.operation, op.request(body=body), VirtualKey.from_dict)

    async def list_virtual_keys(self, limit: int = 100, offset: int = 0) -> List[VirtualKey]:
        """Return the virtual keys, newest first, expired and revoked ones too, without their texts.

        Args:
            limit: At most this many keys, 1 to 1000.
            offset: How many of the newest keys to leave out.

        Raises:
            ValidationError: An argument is out of bounds.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> for key in await sf.list_virtual_keys():
            ...     print(key.key_id, key.name, key.status, key.spent_usd)

        Operation: listVirtualKeys
        """
        from smartflow_generated.management.api.keys import list_virtual_keys as op

        from ...types.base import read_rows
        from ...types.keys import VirtualKey

        request = op.request(limit=check_int(limit, "limit", 1), offset=check_int(offset, "offset", 0))
        return await self._session.read(
            op.operation, request, lambda body, reply: read_rows(VirtualKey.from_dict, rows_of(body, "keys"))
        )

    async def get_virtual_key(self, key_id: str) -> VirtualKey:
        """Return one virtual key with what it has spent in this period, without its text.

        Args:
            key_id: Its id; not its text.

        Raises:
            NotFoundError: There is no such key.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> for key in await sf.list_virtual_keys(limit=1):
            ...     print((await sf.get_virtual_key(key.key_id)).remaining_usd)

        Operation: getVirtualKey
        """
        from smartflow_generated.management.api.keys import get_virtual_key as op

        from ...types.keys import VirtualKey

        return await self._session.read(op.operation, op.request(check_segment(key_id, "key_id")), VirtualKey.from_dict)

    async def update_virtual_key(
        self,
        key_id: str,
        *,
        clear: Sequence[str] = (),
        name: Optional[str] = None,
        user_id: Optional[str] = None,
        team_id: Optional[str] = None,
        budget_usd: Optional[float] = None,
        budget_period: Optional[str] = None,
        rpm_limit: Optional[int] = None,
        tpm_limit: Optional[int] = None,
        allowed_models: Optional[Sequence[str]] = None,
        compliance_mode: Optional[str] = None,
        expires_at: Union[str, datetime, None] = None,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> VirtualKey:
        """Return a virtual key after some of it was changed; what is not named stays.

        What was spent stays too, also when the budget or its period changes.

        Args:
            key_id: Its id; not its text.
            clear: The names of limits to take away, such as `["budget_usd", "expires_at"]`.
            name: What the key is for.
            user_id: The user that it stands for.
            team_id: The team that it belongs to.
            budget_usd: The most that it may spend in one period, in US dollars.
            budget_period: `daily`, `weekly`, `monthly` or `lifetime`.
            rpm_limit: Requests a minute.
            tpm_limit: Tokens a minute.
            allowed_models: The models that it may call.
            compliance_mode: How strictly its calls are checked: `off`, `log`, `redact` or `block`.
            expires_at: When it ends: a `datetime` with a zone, or ISO-8601.
            metadata: Texts of your own; they replace the old ones.

        Raises:
            ValidationError: An argument is wrong, nothing is to be changed, or the key was revoked.
            NotFoundError: There is no such key.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> for key in await sf.list_virtual_keys(limit=1):
            ...     await sf.update_virtual_key(key.key_id, budget_usd=50, clear=["rpm_limit"])

        Operation: updateVirtualKey
        """
        from smartflow_generated.management.api.keys import update_virtual_key as op

        from ...types.keys import VirtualKey

        body = key_fields(
            clear, name=name, user_id=user_id, team_id=team_id, budget_usd=budget_usd, budget_period=budget_period,
            rpm_limit=rpm_limit, tpm_limit=tpm_limit, allowed_models=allowed_models, expires_at=expires_at,
            compliance_mode=compliance_mode, metadata=metadata,
        )  # fmt: skip
        request = op.request(check_segment(key_id, "key_id"), body=body)
        return await self._session.read(op.operation, request, VirtualKey.from_dict)

    async def revoke_virtual_key(self, key_id: str) -> VirtualKey:
        """Return a virtual key after it was revoked for good; its next call gets 401.

        Args:
            key_id: Its id; not its text.

        Raises:
            NotFoundError: There is no such key.
            ComplianceError: The client's key is no admin's (403, code `admin_key_required`).
            SmartflowError: Any other failure.

        Example:
            >>> for key in await sf.list_virtual_keys():
            ...     if key.name == "of a colleague who left":
            ...         await sf.revoke_virtual_key(key.key_id)

        Operation: revokeVirtualKey
        """
        from smartflow_generated.management.api.keys import revoke_virtual_key as op

        from ...types.keys import VirtualKey

        return await self._session.read(op.operation, op.request(check_segment(key_id, "key_id")), VirtualKey.from_dict)
