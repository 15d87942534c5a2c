"""`smartflow scan`: the verdict of a compliance scan of a text."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from smartflow.cli.common import FAILURE, OK, UsageError, aligned, command_parser, make_client, print_json, read_text

if TYPE_CHECKING:
    from smartflow import ComplianceResult, IntelligentScanResult

_HARMLESS = ("Allow", "AllowAndLog")


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser(
        "scan",
        "Scans a text in three layers (rules, semantics, behaviour), or with --policy by rules only. "
        "A scan that worked ends with status 0, whatever it found, unless --fail-on says otherwise.",
    )
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the text; - reads standard input")
    parser.add_argument("--file", metavar="FILE", help="scan this file instead")
    parser.add_argument("--policy", metavar="NAME", help="rule-based scan against this policy")
    parser.add_argument("--user-id", metavar="ID", help="whose text it is; compared with the user's baseline")
    parser.add_argument("--org-id", metavar="ID", help="the user's organisation; compared with its baseline")
    parser.add_argument(
        "--fail-on",
        choices=("review", "block"),
        help="end with status 1 when the action is Block, or with `review` also when it is Review; "
        "with --policy both mean a violation",
    )
    parser.add_argument("--json", action="store_true", help="print the whole verdict as JSON")
    return parser


def run(options: argparse.Namespace) -> int:
    """Scan, and print the verdict; returns the exit status."""
    if (options.text is None) == (options.file is None):
        raise UsageError("give one text to scan: TEXT, - for standard input, or --file FILE")
    if options.policy is not None and (options.user_id is not None or options.org_id is not None):
        raise UsageError("--policy scans by rules only: it has no use for --user-id and --org-id")
    text = options.text if options.text not in (None, "-") else read_text(options.file)
    with make_client(options) as sf:
        if options.policy is not None:
            by_rules = sf.check_compliance(text, policy=options.policy)
            data, rows, fails = by_rules.to_dict(), _rule_rows(by_rules), by_rules.has_violations
        else:
            verdict = sf.intelligent_scan(text, user_id=options.user_id, org_id=options.org_id)
            data, rows, fails = verdict.to_dict(), _verdict_rows(verdict), _fails(verdict, options.fail_on)
    if options.json:
        print_json(data)
    else:
        print(*aligned(rows), sep="\n")
    return FAILURE if options.fail_on and fails else OK


def _fails(verdict: IntelligentScanResult, limit: Optional[str]) -> bool:
    return verdict.is_blocked if limit == "block" else verdict.recommended_action not in _HARMLESS


def _verdict_rows(verdict: IntelligentScanResult) -> List[List[str]]:
    found: Dict[str, List[Dict[str, Any]]] = {
        "rules": verdict.regex_violations,
        "semantics": verdict.ml_violations,
        "behaviour": verdict.behavior_deviations,
    }
    rows = [
        ["action", verdict.recommended_action],
        ["risk", f"{verdict.risk_score:.2f} ({verdict.risk_level})"],
        *([layer, ", ".join(map(_kind, findings))] for layer, findings in found.items() if findings),
        ["explanation", verdict.explanation or "-"],
    ]
    return [*rows, ["scan id", verdict.scan_id]] if verdict.scan_id else rows


def _kind(finding: Dict[str, Any]) -> str:
    """The kind of a finding and how severe it is; never what was found."""
    kind = next((finding[name] for name in ("violation_type", "category", "type") if finding.get(name)), "finding")
    return f"{kind} ({finding['severity']})" if finding.get("severity") else str(kind)


def _rule_rows(result: ComplianceResult) -> List[List[str]]:
    return [
        ["violations", ", ".join(result.violations) or ("yes" if result.has_violations else "none")],
        ["personal data", ", ".join(result.pii_detected) or "none"],
        ["risk", f"{result.risk_score:.2f} ({result.risk_level})"],
        ["score", f"{result.compliance_score:.0f} of 100"],
        *(["advice", advice] for advice in result.recommendations),
    ]
