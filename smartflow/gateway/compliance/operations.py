"""The operations of the compliance service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from smartflow.gateway.audit.record import AuditRecord
from smartflow.gateway.compliance.assessment import Assessment
from smartflow.gateway.contract import Call, operation

_LONG_TEXT = 20_000


async def _look(content: str, scan: Callable[[], Assessment]) -> Assessment:
    """A long text is scanned in a thread, so that other calls go on meanwhile."""
    return scan() if len(content) < _LONG_TEXT else await asyncio.to_thread(scan)


def _note(audit: AuditRecord, assessment: Assessment) -> None:
    audit.compliance_status = "violated" if assessment.has_violations else "compliant"
    audit.compliance = assessment.audit_facts()


@operation("scanContent")
async def scan_content(call: Call) -> dict[str, Any]:
    """What the rules find in a text under a policy."""
    content, policy = call.json["content"], call.json.get("policy")
    assessment = await _look(content, lambda: call.gateway.compliance.screen(content, policy))
    with call.effects() as audit:
        _note(audit, assessment)
    return assessment.scan_content()


@operation("intelligentScan")
async def intelligent_scan(call: Call) -> dict[str, Any]:
    """What all layers find in a text, and what to do; kept for feedback and for the baselines."""
    content, org_id, context = call.json["content"], call.json.get("org_id"), call.json.get("context")
    user_id, inspect = call.json.get("user_id") or call.user_id, call.gateway.compliance.inspect
    assessment = await _look(
        content, lambda: inspect(content, now=call.now, user_id=user_id, org_id=org_id, context=context)
    )
    with call.effects() as audit:
        audit.user_id = user_id
        _note(audit, assessment)
        return call.gateway.compliance.remember(assessment, call.now, user_id, org_id)


@operation("submitFeedback")
async def submit_feedback(call: Call) -> dict[str, Any]:
    """The verdict on a scan, learned."""
    with call.effects() as audit:
        audit.user_id = call.json.get("user_id") or call.user_id
        return call.gateway.compliance.learning.feedback(
            call.json["scan_id"], call.json["is_false_positive"], audit.user_id, call.now
        )


@operation("getMlStats")
async def get_ml_stats(call: Call) -> dict[str, Any]:
    """How many patterns are known."""
    return call.gateway.compliance.learning.pattern_stats()


@operation("getIntelligentHealth")
async def get_intelligent_health(call: Call) -> dict[str, Any]:
    """The state of the scanner and its layers."""
    return call.gateway.compliance.health()


@operation("getLearningStatus")
async def get_learning_status(call: Call) -> dict[str, Any]:
    """How complete the baseline of one user is."""
    return call.gateway.compliance.learning.user_status(call.path["user_id"])


@operation("getLearningSummary")
async def get_learning_summary(call: Call) -> dict[str, Any]:
    """How complete the baselines of all users are."""
    return call.gateway.compliance.learning.summary()


@operation("getOrgSummary")
async def get_org_summary(call: Call) -> dict[str, Any]:
    """All organizations together."""
    return call.gateway.compliance.learning.org_summary()


@operation("getOrgBaseline")
async def get_org_baseline(call: Call) -> dict[str, Any]:
    """What is usual in one organization."""
    return call.gateway.compliance.learning.org_baseline(call.path["org_id"])


@operation("getPersistenceStats")
async def get_persistence_stats(call: Call) -> dict[str, Any]:
    """What of the learned data is stored."""
    return call.gateway.compliance.learning.persistence()


@operation("saveComplianceData")
async def save_compliance_data(call: Call) -> dict[str, Any]:
    """Store what was learned, and forget what has expired."""
    with call.effects():
        return call.gateway.compliance.learning.save(call.now)
