"""Compliance: scans, redaction and feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional

from ..._core.check import check_text
from ...exceptions import ResponseValidationError, ValidationError
from .base import AsyncMethods, as_dict

if TYPE_CHECKING:
    from smartflow_generated.shapes.compliance import FeedbackResult

    from ...types.compliance import ComplianceResult, IntelligentScanResult

__all__ = ["AsyncComplianceMethods"]


class AsyncComplianceMethods(AsyncMethods):
    """The scan methods of the client. They fail closed: no verdict is an error, never "allowed"."""

    async def intelligent_scan(
        self,
        content: str,
        user_id: Optional[str] = None,
        org_id: Optional[str] = None,
        context: Optional[str] = None,
    ) -> IntelligentScanResult:
        """Return the verdict of the three-layer scan of a text: rules, semantics, behaviour.

        Args:
            content: The text.
            user_id: Whose text it is; compared with the user's baseline.
            org_id: The user's organisation; compared with its baseline.
            context: Where the text comes from, for example `customer_support`.

        Returns:
            The verdict: risk score, recommended action, explanation and findings.

        Raises:
            ResponseValidationError: The gateway's answer has no verdict.
            SmartflowError: Any other failure; the text counts as not scanned.

        Example:
            >>> result = await sf.intelligent_scan("Pay with card 4111-1111-1111-1111")
            >>> print(result.recommended_action, f"{result.risk_score:.2f}")

        Operation: intelligentScan
        """
        from smartflow_generated.compliance.api.intelligent import intelligent_scan as op

        from ...types.compliance import IntelligentScanResult

        body: Any = {"content": check_text(content, "content")}
        for name, value in (("user_id", user_id), ("org_id", org_id), ("context", context)):
            if value is not None:
                body[name] = check_text(value, name)
        return await self._session.read(op.operation, op.request(body=body), IntelligentScanResult.from_wire)

    async def check_compliance(self, content: str, policy: str = "enterprise_standard") -> ComplianceResult:
        """Return the verdict of the rule-based scan of a text.

        Args:
            content: The text.
            policy: The policy to hold it against, for example `pci_dss_strict`.

        Returns:
            The verdict: violations, kinds of personal data, risk level, and the redacted text.

        Raises:
            ResponseValidationError: The gateway's answer has no verdict.
            SmartflowError: Any other failure; the text counts as not scanned.

        Example:
            >>> result = await sf.check_compliance("My SSN is 123-45-6789")
            >>> print(result.risk_level, result.redacted_content)

        Operation: scanContent
        """
        from smartflow_generated.compliance.api.scan import scan_content as op

        from ...types.compliance import ComplianceResult

        body: Any = {"content": check_text(content, "content"), "policy": check_text(policy, "policy")}
        return await self._session.read(op.operation, op.request(body=body), ComplianceResult.from_wire)

    async def redact_pii(self, content: str) -> str:
        """Return the text with all personal data replaced by placeholders such as `[EMAIL]`.

        Args:
            content: The text.

        Returns:
            The redacted text.

        Raises:
            ResponseValidationError: The gateway found personal data but sent no redacted text.
            SmartflowError: Any other failure. The unredacted text is never handed back as redacted.

        Example:
            >>> await sf.redact_pii("Call me at 555-867-5309, email john@example.com")
            'Call me at [PHONE], email [EMAIL]'

        Operation: scanContent
        """
        result = await self.check_compliance(content)
        if result.redacted_content is not None:
            return result.redacted_content
        if result.has_violations or result.pii_detected or result.violations or result.risk_score > 0:
            raise ResponseValidationError(
                "the gateway found personal data but sent no redacted text",
                operation="scanContent",
                request_id=result.request_id,
            )
        return content

    async def submit_compliance_feedback(
        self,
        scan_id: str,
        is_false_positive: bool,
        user_id: Optional[str] = None,
        notes: Optional[str] = None,
    ) -> FeedbackResult:
        """Return the gateway's receipt for a correction of a scan, which later scans take into account.

        Args:
            scan_id: The scan's id, from `IntelligentScanResult.scan_id`.
            is_false_positive: True when the finding was none, False to confirm it.
            user_id: Who says so.
            notes: Why.

        Returns:
            A dict with `status`, `scan_id` and `updated_patterns`.

        Raises:
            NotFoundError: There is no scan of that id.
            SmartflowError: Any other failure.

        Example:
            >>> scan = await sf.intelligent_scan("Call me at 555-0100")
            >>> await sf.submit_compliance_feedback(scan.scan_id, is_false_positive=True)

        Operation: submitFeedback
        """
        from smartflow_generated.compliance.api.intelligent import submit_feedback as op

        if not isinstance(is_false_positive, bool):
            raise ValidationError("is_false_positive must be True or False", param="is_false_positive")
        body: Any = {"scan_id": check_text(scan_id, "scan_id"), "is_false_positive": is_false_positive}
        if user_id is not None:
            body["user_id"] = check_text(user_id, "user_id")
        if notes is not None:
            body["notes"] = check_text(notes, "notes")
        result: FeedbackResult = await self._session.read(op.operation, op.request(body=body), as_dict)
        return result

    async def get_intelligent_health(self) -> Dict[str, Any]:
        """Return the health of the compliance engine and its parts.

        Returns:
            A dict with `status` and one entry per part.

        Raises:
            SmartflowError: See `smartflow.exceptions`.

        Example:
            >>> (await sf.get_intelligent_health())["status"]

        Operation: getIntelligentHealth
        """
        from smartflow_generated.compliance.api.intelligent import get_intelligent_health as op

        result: Dict[str, Any] = await self._session.read(op.operation, op.request(), as_dict)
        return result
