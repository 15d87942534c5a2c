# Every target works on a fresh clone: it makes .venv first (python3 >= 3.11 with venv and pip is all it needs).
PYTHON ?= python3
VENV := .venv/bin
# Two workers of pytest; WORKERS=0 runs the tests in one process.
WORKERS ?= 2
# A short name of a test, a folder or options of pytest: make test ARGS="tests/unit -k retry"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-real check generate format contract fuzz bench matrix serve lock clean

help: ## show this help
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "  %-10s %s\n", $$1, $$2}'

setup: ## make .venv with everything in it (quick when nothing changed)
	@command -v $(PYTHON) >/dev/null || { echo "setup: FAILED: there is no $(PYTHON); install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) scripts/setup_env.py

demo: setup ## show the whole SDK against a local gateway
	@$(VENV)/python -m scripts.demo

test: setup ## run all tests
	@$(VENV)/python -m scripts.run_tests --workers $(WORKERS) -- $(ARGS)

test-real: setup ## run direct mode against real servers that others wrote (it installs them into .venvs)
	@$(VENV)/python -m scripts.test_real --workers $(WORKERS) -- $(ARGS)

check: setup ## lint, types, import rules, contract, budgets, generated code
	@$(VENV)/python -m scripts.check

generate: setup ## write generated/ and the sync twins anew from openapi/ and the async sources
	@$(VENV)/python -m scripts.generate

format: setup ## format the code and fix what the linter can fix
	@$(VENV)/ruff check --fix . && $(VENV)/ruff format . && echo "format: OK"

contract: setup ## list every operation with its method, handler and test, then try the gateway against the contract
	@$(VENV)/python -m scripts.contract_status
	@$(VENV)/python -m scripts.contract_run

fuzz: setup ## the same trial, long and with a new seed each time
	@$(VENV)/python -m scripts.contract_run --long

bench: setup ## measure speed and weight as ratios to plain httpx
	@$(VENV)/python tests/bench/run.py

matrix: setup ## run the client's tests on every Python from 3.9 to 3.13 that is there
	@$(VENV)/python -m scripts.matrix

serve: setup ## run the local gateway on its documented ports
	@$(VENV)/smartflow serve $(ARGS)

lock: ## resolve requirements-dev.lock anew (with uv, from an environment that is thrown away)
	@$(PYTHON) scripts/lock.py

clean: ## remove everything that the targets made
	@rm -rf .venv .venvs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .schemathesis .generate-*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: OK"
