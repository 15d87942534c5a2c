"""What the compliance engine learned, over a real socket."""

from __future__ import annotations

from typing import Callable

import pytest

from smartflow import (
    LearningStatus,
    LearningSummary,
    MLStats,
    NotFoundError,
    OrgBaseline,
    PersistenceStats,
    SmartflowClient,
)

pytestmark = pytest.mark.asyncio


async def test_the_status_of_a_user_counts_its_scans(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user, org = unique("user-alice"), unique("acme")
    for text in ("The weather is fine.", "My mail is john@example.com"):
        await sf.intelligent_scan(text, user_id=user, org_id=org)
    status = await sf.get_learning_status(user)
    assert isinstance(status, LearningStatus)
    assert status.user_id == user
    assert status.org_id == org
    assert status.days_tracked in (1, 2)
    assert status.total_requests == 2
    assert status.learning_complete is False
    assert status.learning_period_days == 14
    assert 0 < status.progress_percent < 100


async def test_a_user_id_may_hold_any_character(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    user = unique("../a b/ü?#%")
    await sf.intelligent_scan("The weather is fine.", user_id=user)
    assert (await sf.get_learning_status(user)).user_id == user


async def test_an_unseen_user_is_not_found(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    with pytest.raises(NotFoundError, match="user"):
        await sf.get_learning_status(unique("nobody"))


async def test_the_summary_counts_users(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    before = await sf.get_learning_summary()
    await sf.intelligent_scan("The weather is fine.", user_id=unique("user"))
    after = await sf.get_learning_summary()
    assert isinstance(after, LearningSummary)
    assert after.total_users == before.total_users + 1
    assert after.users_learning_complete == before.users_learning_complete
    assert after.users_in_learning == before.users_in_learning + 1
    assert 0 < after.average_progress_percent < 100
    assert after.config_learning_days == 14
    assert after.config_min_samples == 20


async def test_pattern_statistics_grow_with_feedback(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    before = await sf.get_ml_stats()
    scan = await sf.intelligent_scan(f"Mail {unique('john')}@example.com")
    await sf.submit_compliance_feedback(str(scan.scan_id), is_false_positive=False)
    after = await sf.get_ml_stats()
    assert isinstance(after, MLStats)
    assert after.builtin_patterns == before.builtin_patterns > 0
    assert after.learned_patterns == before.learned_patterns + 1
    assert after.total_patterns == after.builtin_patterns + after.learned_patterns
    assert after.patterns_by_category["email"] == before.patterns_by_category["email"] + 1
    assert sum(after.patterns_by_category.values()) == after.total_patterns
    assert 0 < after.average_confidence <= 1


async def test_a_baseline_tells_what_is_usual_in_an_organisation(
    sf: SmartflowClient, unique: Callable[[str], str]
) -> None:
    org = unique("acme-corp")
    await sf.intelligent_scan("The weather is fine.", user_id=unique("alice"), org_id=org)
    await sf.intelligent_scan("My mail is john@example.com", user_id=unique("bob"), org_id=org)
    baseline = await sf.get_org_baseline(org)
    assert isinstance(baseline, OrgBaseline)
    assert baseline.org_id == org
    assert baseline.user_count == 2
    assert baseline.total_requests == 2
    assert baseline.avg_requests_per_user_day == pytest.approx(1.0)
    assert baseline.violation_rate == pytest.approx(0.5)
    assert baseline.top_violation_types == ["email"]
    assert baseline.learning_complete is False


async def test_the_organisation_summary_adds_up(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    before = await sf.get_org_summary()
    await sf.intelligent_scan("My mail is john@example.com", user_id=unique("alice"), org_id=unique("acme"))
    after = await sf.get_org_summary()
    assert after["total_orgs"] == before["total_orgs"] + 1
    assert after["total_users"] == before["total_users"] + 1
    assert after["total_requests"] == before["total_requests"] + 1
    assert after["orgs_learning_complete"] == 0
    assert 0 < after["average_violation_rate"] <= 1


async def test_persistence_statistics_count_what_is_stored(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    before = await sf.get_persistence_stats()
    scan = await sf.intelligent_scan(f"{unique('john')}@example.com", user_id=unique("alice"), org_id=unique("acme"))
    await sf.submit_compliance_feedback(str(scan.scan_id), is_false_positive=True)
    after = await sf.get_persistence_stats()
    assert isinstance(after, PersistenceStats)
    assert after.enabled is False
    assert after.user_profiles_stored == before.user_profiles_stored + 1
    assert after.org_baselines_stored == before.org_baselines_stored + 1
    assert after.learned_patterns_stored == before.learned_patterns_stored + 1
    assert after.profile_ttl_days == 90


async def test_saving_reports_what_was_written(sf: SmartflowClient, unique: Callable[[str], str]) -> None:
    await sf.intelligent_scan("The weather is fine.", user_id=unique("alice"), org_id=unique("acme"))
    saved = await sf.save_compliance_data()
    stats = await sf.get_persistence_stats()
    assert saved["status"] == "saved"
    assert saved["user_profiles"] == stats.user_profiles_stored > 0
    assert saved["org_baselines"] == stats.org_baselines_stored > 0
    assert saved["learned_patterns"] == stats.learned_patterns_stored
    assert saved["timestamp"].endswith("Z")
