"""Sum up the audit log: calls, tokens, cost, cache hits and findings of each model.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python audit_report.py [days]
"""

import sys
from collections import defaultdict

from smartflow import SmartflowError, SyncSmartflowClient, VASLog


def line(name: str, rows: list[VASLog]) -> str:
    tokens = sum(row.tokens_used for row in rows)
    cost = sum(row.cost for row in rows)
    hits = sum(row.cached for row in rows)
    finds = sum(row.compliance_status == "violated" for row in rows)
    return f"{name:<28}{len(rows):>7}{tokens:>9}{cost:>11.5f}{hits:>6}{finds:>7}"


def main(days: int) -> None:
    by_model: dict[str, list[VASLog]] = defaultdict(list)
    with SyncSmartflowClient() as sf:
        # Page after page is fetched while we read, so that a long log needs little memory at a time.
        for row in sf.iter_logs(days=days):
            by_model[row.model or f"({row.content_type})"].append(row)
    print(f"{'model':<28}{'calls':>7}{'tokens':>9}{'cost $':>11}{'hits':>6}{'finds':>7}")
    for name in sorted(by_model):
        print(line(name, by_model[name]))
    print(line("total", [row for rows in by_model.values() for row in rows]))


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    except SmartflowError as error:
        sys.exit(f"audit_report: {type(error).__name__}: {error}")
