"""Compliance: scans, redaction, corrections, and what the engine has learnt."""

import asyncio

from smartflow import SmartflowClient


async def intelligent(sf: SmartflowClient) -> None:
    result = await sf.intelligent_scan(content="Please send payment to card 4111-1111-1111-1111")
    print(f"violations: {result.has_violations}, risk: {result.risk_score:.2f}")
    print(f"action: {result.recommended_action}")
    print(f"explanation: {result.explanation}")
    for violation in result.regex_violations:
        print(f"  {violation['violation_type']}: {violation['severity']}")


async def behaviour(sf: SmartflowClient) -> None:
    """With the user and the organisation, what is usual for them counts."""
    result = await sf.intelligent_scan(
        content="The customer's address is john.doe@example.com",
        user_id="user-alice",
        org_id="acme-corp",
        context="customer_support",
    )
    print(f"with context: {result.recommended_action}")


async def rules(sf: SmartflowClient) -> None:
    result = await sf.check_compliance("My SSN is 123-45-6789")
    if result.has_violations:
        print(f"risk: {result.risk_level}, found: {result.pii_detected}")
        print(f"safe: {result.redacted_content}")


async def redaction(sf: SmartflowClient) -> None:
    print(await sf.redact_pii("Call me at 555-867-5309, email john@example.com"))


async def feedback(sf: SmartflowClient) -> None:
    """A finding that was none; the scan is made by its URL here, for answers that the SDK has no class for."""
    response = await sf._post(
        f"{sf.compliance_url}/api/compliance/intelligent/scan",
        {"content": "Call me at 212-555-0100"},
    )
    scan_id = response.get("scan_id")
    if scan_id:
        answer = await sf.submit_compliance_feedback(
            scan_id=scan_id,
            is_false_positive=True,
            user_id="admin_user",
            notes="the number of our test telephone",
        )
        print(f"feedback: {sorted(answer)}")


async def learning(sf: SmartflowClient) -> None:
    summary = await sf.get_learning_summary()
    print(
        f"users: {summary.total_users}, learnt: {summary.users_learning_complete}, days: {summary.config_learning_days}"
    )

    status = await sf.get_learning_status("user-alice")
    print(f"alice: {status.days_tracked} days, {status.progress_percent}%, complete: {status.learning_complete}")

    stats = await sf.get_ml_stats()
    print(
        f"patterns: {stats.total_patterns}, learnt: {stats.learned_patterns}, kinds: {len(stats.patterns_by_category)}"
    )
    print(f"confidence: {stats.average_confidence:.2f}")

    baseline = await sf.get_org_baseline("acme-corp")
    print(f"organisation: {baseline.user_count} users, {baseline.violation_rate:.2%}, {baseline.top_violation_types}")


async def main() -> None:
    async with SmartflowClient() as sf:
        await intelligent(sf)
        await behaviour(sf)
        await rules(sf)
        await redaction(sf)
        await feedback(sf)
        await learning(sf)


if __name__ == "__main__":
    asyncio.run(main())
