"""The compliance options of `smartflow serve`, also read from the environment."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODES = ("off", "log", "redact", "block")
MODE_VARIABLE = "SMARTFLOW_GATEWAY_COMPLIANCE"
POLICY_VARIABLE = "SMARTFLOW_GATEWAY_COMPLIANCE_POLICY"
FOLDER_VARIABLE = "SMARTFLOW_GATEWAY_POLICY_DIR"


@dataclass(frozen=True)
class ComplianceSettings:
    """What every proxied call is checked for, and where the user's own policy files lie."""

    mode: str = "off"
    policy: str | None = None
    policy_dir: Path | None = None


def add_compliance_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--compliance",
        metavar="MODE",
        help=f"check the texts of proxied calls: {', '.join(MODES)} (default: {MODE_VARIABLE}, else off)",
    )
    parser.add_argument(
        "--compliance-policy",
        metavar="NAME",
        help=f"the policy of these checks (default: {POLICY_VARIABLE}, else enterprise_standard)",
    )
    parser.add_argument(
        "--policy-dir",
        type=Path,
        metavar="DIR",
        help=f"folder with policy files of your own (default: {FOLDER_VARIABLE}, else none)",
    )


def read_compliance_options(given: argparse.Namespace, environment: Mapping[str, str]) -> ComplianceSettings:
    """The checked options; ValueError names the one that cannot be used."""
    mode = given.compliance if given.compliance is not None else environment.get(MODE_VARIABLE) or "off"
    if mode not in MODES:
        raise ValueError(f"--compliance and {MODE_VARIABLE} must be one of {', '.join(MODES)}, not {mode!r}")
    folder = given.policy_dir or environment.get(FOLDER_VARIABLE) or None
    return ComplianceSettings(
        mode=mode,
        policy=given.compliance_policy or environment.get(POLICY_VARIABLE) or None,
        policy_dir=Path(folder).expanduser() if folder else None,
    )
