"""Scan a text before it goes to a model; print the verdict and the redacted text. Exit status 1 when it must not go on.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python compliance.py "Call 212-555-0188"
"""

import sys

from smartflow import SmartflowError, SyncSmartflowClient

DEFAULT = "My card is 4111-1111-1111-1111, please call 212-555-0188"


def main(text: str) -> int:
    with SyncSmartflowClient() as sf:
        verdict = sf.intelligent_scan(text, user_id="example-user", org_id="example-org")
        print(f"action: {verdict.recommended_action}")
        print(f"risk: {verdict.risk_score:.2f} ({verdict.risk_level})")
        print(f"reason: {verdict.explanation}")
        for found in verdict.regex_violations:
            print(f"  {found['violation_type']} at {found['start']}-{found['end']}, {found['severity']}")
        print(f"redacted: {sf.redact_pii(text)}")
        return 1 if verdict.is_blocked else 0


if __name__ == "__main__":
    try:
        sys.exit(main(" ".join(sys.argv[1:]) or DEFAULT))
    except SmartflowError as error:
        # No verdict is not "allowed": without the scanner the text stays here.
        print(f"compliance: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
