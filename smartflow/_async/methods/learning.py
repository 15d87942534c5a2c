"""What the compliance engine has learned, of users, organisations and patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from ..._core.check import check_segment
from .base import AsyncMethods, as_dict, unwrapped

if TYPE_CHECKING:
    from ...types.compliance import LearningStatus, LearningSummary, MLStats, OrgBaseline, PersistenceStats

__all__ = ["AsyncLearningMethods"]


class AsyncLearningMethods(AsyncMethods):
    """The learning methods of the client."""

    async def get_learning_summary(self) -> LearningSummary:
        """Return the progress of adaptive learning over all users.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> (await sf.get_learning_summary()).total_users

        Operation: getLearningSummary
        """
        from smartflow_generated.compliance.api.learning import get_learning_summary as op

        from ...types.compliance import LearningSummary

        return await self._session.read(op.operation, op.request(), LearningSummary.from_dict)

    async def get_learning_status(self, user_id: str) -> LearningStatus:
        """Return the progress of adaptive learning for one user.

        Args:
            user_id: The user.

        Raises:
            ValidationError: The id is empty.
            SmartflowError: Any other failure.

        Example:
            >>> status = await sf.get_learning_status("user-alice")
            >>> print(f"{status.progress_percent}%")

        Operation: getLearningStatus
        """
        from smartflow_generated.compliance.api.learning import get_learning_status as op

        from ...types.compliance import LearningStatus

        return await self._session.read(
            op.operation, op.request(check_segment(user_id, "user_id")), LearningStatus.from_dict
        )

    async def get_ml_stats(self) -> MLStats:
        """Return how many patterns the compliance engine knows, and of what kinds.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> (await sf.get_ml_stats()).patterns_by_category

        Operation: getMlStats
        """
        from smartflow_generated.compliance.api.intelligent import get_ml_stats as op

        from ...types.compliance import MLStats

        return await self._session.read(
            op.operation, op.request(), lambda body, reply: MLStats.from_dict(unwrapped(body, "ml_stats"), reply)
        )

    async def get_org_summary(self) -> Dict[str, Any]:
        """Return compliance figures over all organisations.

        Returns:
            A dict with `total_orgs`, `total_users`, `total_requests`, `average_violation_rate` (0 to 1), ...

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> (await sf.get_org_summary())["total_orgs"]

        Operation: getOrgSummary
        """
        from smartflow_generated.compliance.api.org import get_org_summary as op

        result: Dict[str, Any] = await self._session.read(op.operation, op.request(), as_dict)
        return result

    async def get_org_baseline(self, org_id: str) -> OrgBaseline:
        """Return the normal behaviour of one organisation, which deviations are measured against.

        Args:
            org_id: The organisation.

        Raises:
            ValidationError: The id is empty.
            SmartflowError: Any other failure.

        Example:
            >>> baseline = await sf.get_org_baseline("acme-corp")
            >>> print(f"{baseline.violation_rate:.2%}")

        Operation: getOrgBaseline
        """
        from smartflow_generated.compliance.api.org import get_org_baseline as op

        from ...types.compliance import OrgBaseline

        return await self._session.read(
            op.operation, op.request(check_segment(org_id, "org_id")), OrgBaseline.from_dict
        )

    async def get_persistence_stats(self) -> PersistenceStats:
        """Return how much of the compliance engine's knowledge is stored.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> (await sf.get_persistence_stats()).enabled

        Operation: getPersistenceStats
        """
        from smartflow_generated.compliance.api.persistence import get_persistence_stats as op

        from ...types.compliance import PersistenceStats

        return await self._session.read(
            op.operation,
            op.request(),
            lambda body, reply: PersistenceStats.from_dict(unwrapped(body, "persistence"), reply),
        )

    async def save_compliance_data(self) -> Dict[str, Any]:
        """Return the counts of what was written, after the compliance engine stored all that it knows.

        Returns:
            A dict with `status` and one count per kind of record.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> (await sf.save_compliance_data())["status"]

        Operation: saveComplianceData
        """
        from smartflow_generated.compliance.api.persistence import save_compliance_data as op

        result: Dict[str, Any] = await self._session.read(op.operation, op.request(body={}), as_dict)
        return result
