"""Which policy files are accepted, and what a policy decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from smartflow.gateway.compliance.finding import CATEGORIES, KINDS
from smartflow.gateway.compliance.policies import Policies, PolicyFileError, read_policy
from smartflow.gateway.errors import GatewayError


def valid() -> dict[str, Any]:
    return {
        "name": "house",
        "description": "Our rules.",
        "min_confidence": 0.5,
        "thresholds": {"AllowAndLog": 0.1, "Review": 0.5, "Block": 0.9},
        "kinds": {"ssn": {"severity": "critical", "frameworks": ["GLBA"]}},
    }


def write(folder: Path, data: object) -> Path:
    path = folder / "house.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_the_four_documented_policies_are_there() -> None:
    assert Policies().names == ["enterprise_standard", "gdpr", "hipaa", "pci_dss_strict"]


def test_the_default_policy_counts_every_kind() -> None:
    assert set(Policies().get(None).severities) == set(KINDS)


def test_an_unknown_policy_is_refused_with_the_known_names() -> None:
    with pytest.raises(GatewayError, match="enterprise_standard, gdpr, hipaa, pci_dss_strict") as caught:
        Policies().get("sk-secret-in-the-wrong-field")
    assert (caught.value.status, caught.value.code, caught.value.extras["param"]) == (400, "unknown_policy", "policy")
    assert "sk-secret" not in caught.value.message


@pytest.mark.parametrize(
    ("risk", "action"),
    [
        (0.0, "Allow"),
        (0.0999, "Allow"),
        (0.1, "AllowAndLog"),
        (0.5, "Review"),
        (0.8999, "Review"),
        (0.9, "Block"),
        (1, "Block"),
    ],
)
def test_the_action_is_the_strictest_whose_threshold_is_reached(tmp_path: Path, risk: float, action: str) -> None:
    assert read_policy(write(tmp_path, valid())).action(risk) == action


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "other"}, "name must be the file's name 'house'"),
        ({"description": ""}, "description must be a text"),
        ({"min_confidence": 1.5}, "min_confidence must be a number from 0 to 1"),
        ({"min_confidence": True}, "min_confidence must be a number from 0 to 1"),
        ({"surprise": 1}, "unknown key 'surprise'"),
        ({"kinds": {}}, "kinds must be at least one kind"),
        ({"kinds": {"ssm": {"severity": "low", "frameworks": []}}}, "unknown key 'ssm'; known are ssn"),
        ({"kinds": {"ssn": {"severity": "fatal", "frameworks": []}}}, r"kinds\.ssn\.severity must be one of low"),
        ({"kinds": {"ssn": {"severity": "low"}}}, r"kinds\.ssn lacks 'frameworks'"),
        ({"kinds": {"ssn": {"severity": "low", "frameworks": "GDPR"}}}, r"kinds\.ssn\.frameworks must be a list"),
        ({"thresholds": {"AllowAndLog": 0.6, "Review": 0.5, "Block": 0.9}}, "thresholds must be rising"),
        ({"thresholds": {"Review": 0.5, "Block": 0.9}}, "thresholds lacks 'AllowAndLog'"),
        ({"thresholds": [0.1]}, "thresholds must be a mapping"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_key(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = write(tmp_path, valid() | change)
    with pytest.raises(PolicyFileError, match=message) as caught:
        read_policy(path)
    assert str(path) in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    data = valid()
    del data["thresholds"]
    with pytest.raises(PolicyFileError, match="the file lacks 'thresholds'"):
        read_policy(write(tmp_path, data))


def test_broken_yaml_is_refused_with_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    path.write_text("name: [", encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"house\.yaml: not valid YAML"):
        read_policy(path)


def test_a_folder_without_the_default_policy_is_refused(tmp_path: Path) -> None:
    write(tmp_path, valid())
    with pytest.raises(PolicyFileError, match=r"enterprise_standard\.yaml is missing"):
        Policies(tmp_path)


def own(folder: Path, name: str = "house", **changes: Any) -> Path:
    data = valid() | {"name": name} | changes
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    return folder


def test_files_of_the_users_folder_join_the_builtin_policies(tmp_path: Path) -> None:
    policies = Policies(own=own(tmp_path))
    assert policies.names == ["enterprise_standard", "gdpr", "hipaa", "pci_dss_strict", "house"]
    assert policies.get("house").severities == {"ssn": "critical"}


def test_a_file_with_a_builtin_name_takes_its_place(tmp_path: Path) -> None:
    assert set(Policies(own=own(tmp_path, "gdpr")).get("gdpr").severities) == {"ssn"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match="there is no such folder"):
        Policies(own=tmp_path / "missing")


@pytest.mark.parametrize("name", ["house.yml", "house.json", "Big House.yaml", "UPPER.yaml"])
def test_a_file_that_only_looks_like_a_policy_is_refused_not_skipped(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x", encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"is called NAME\.yaml"):
        Policies(own=tmp_path)


def test_a_readme_beside_the_policies_is_no_policy(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours", encoding="utf-8")
    assert "house" in Policies(own=own(tmp_path)).names


def test_a_file_that_is_no_utf8_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(PolicyFileError, match=r"house\.yaml"):
        Policies(own=tmp_path)


def test_a_policy_may_weigh_violation_patterns(tmp_path: Path) -> None:
    rule = {"severity": "high", "frameworks": ["OURS"]}
    policy = Policies(own=own(tmp_path, patterns={"health": rule})).get("house")
    assert (dict(policy.patterns), policy.frameworks["health"]) == ({"health": "high"}, ("OURS",))


def test_an_unknown_category_of_patterns_is_refused(tmp_path: Path) -> None:
    rule = {"severity": "high", "frameworks": []}
    with pytest.raises(PolicyFileError, match="patterns has the unknown key 'weather'; known are credentials"):
        Policies(own=own(tmp_path, patterns={"weather": rule}))


def test_a_configured_policy_that_is_not_there_is_an_error_with_the_known_names() -> None:
    with pytest.raises(PolicyFileError, match="there is no policy 'nonsense'; known are enterprise_standard"):
        Policies().require("nonsense")


def test_every_builtin_policy_weighs_every_category() -> None:
    policies = Policies()
    assert [set(policies.get(name).patterns) for name in policies.names] == [set(CATEGORIES)] * len(policies.names)
