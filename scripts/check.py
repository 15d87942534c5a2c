"""`make check`: everything that can be said about the code without running it, and the budgets."""

from __future__ import annotations

import sys

from scripts.steps import Step, run_steps

_PYTHON = sys.executable
# The longest first: two run side by side.
STEPS = (
    Step("types (mypy --strict)", (_PYTHON, "-m", "mypy")),
    Step("everything generated is current", (_PYTHON, "-m", "scripts.check_generated")),
    Step("types for users (pyright)", (_PYTHON, "-m", "pyright")),
    Step("every public type known (pyright)", (_PYTHON, "-m", "scripts.verify_types")),
    Step("contract lint", (_PYTHON, "-m", "scripts.lint_spec")),
    Step(
        "budgets",
        (
            _PYTHON,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/architecture",
            "-k",
            "not generated_is_current",
        ),
    ),
    Step("import rules", ("lint-imports", "--no-cache")),
    Step("lint (ruff)", ("ruff", "check", "--output-format", "concise", ".")),
    Step("format (ruff)", ("ruff", "format", "--check", "--output-format", "concise", ".")),
)


def main() -> int:
    """Run every check; returns the exit status."""
    print(f"check: {len(STEPS)} checks, two at a time")
    return run_steps("check", STEPS)


if __name__ == "__main__":
    sys.exit(main())
