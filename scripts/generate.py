"""Writes what machines write: generated/smartflow_generated from openapi/, the sync twins from the async sources."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts import unasync
from scripts.bundle import COMMON, SERVICES, ContractError, bundle, load, operations
from scripts.generators import GeneratorFailed, client_package, server_models, shapes, share_models
from scripts.server_text import routes_text
from scripts.tree import ROOT, files_of, format_tree, header, replace_tree

__all__ = ["OWN_SCRIPTS", "PACKAGE", "SYNC_TREES", "build", "inputs", "main"]

PACKAGE = "generated/smartflow_generated"
SYNC_TREES = tuple(rule.target for rule in unasync.TREES)
# The scripts that shape the package; those that only use or check it must not make it stale.
OWN_SCRIPTS = ("bundle.py", "generate.py", "generators.py", "server_text.py", "tree.py")
_GENERATORS = ("openapi-python-client", "datamodel-code-generator", "ruff", "tokenize-rt")
_RUNTIME = ROOT / "scripts" / "runtime"
_INIT_TEXTS = {
    ".": "What the contract in openapi/ says, in Python: operations, models and shapes of every service.",
    "common": "What all services share.",
    "server": "Strict models and route tables, for the gateway only (Python 3.11 or newer).",
    "shapes": "The JSON of each service, as TypedDicts.",
}


def main() -> int:
    """Generate into a temporary folder, then put each tree in its place."""
    work = Path(tempfile.mkdtemp(prefix=".generate-", dir=ROOT))
    try:
        services = build(work)
        changed = [tree for tree in (PACKAGE, *SYNC_TREES) if replace_tree(work / tree, ROOT / tree)]
    except (ContractError, GeneratorFailed, unasync.RuleError, subprocess.CalledProcessError) as error:
        print(f"generate: FAILED, nothing was changed: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for tree in changed:
        print(f"  wrote {tree}")
    print(f"generate: OK, {', '.join(services)}; {len(changed) or 'no'} tree(s) changed")
    return 0


def build(target: Path) -> list[str]:
    """Write all generated trees below `target`, and return the services that were found."""
    # Taken first: what changes while we work must look stale afterwards.
    stamp = inputs()
    common = load(ROOT / "openapi" / COMMON)
    documents = {
        service: bundle(load(path), common, path.name)
        for service in SERVICES
        if (path := ROOT / "openapi" / f"{service}.yaml").exists()
    }
    package = target / PACKAGE
    work = target / "work"
    for folder in (package / "server", package / "shapes", work):
        folder.mkdir(parents=True)
    # A generator takes its line length from the nearest pyproject.toml above its output; this one is the same wherever we write.
    (target / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\n", "utf-8")
    _run_all(_jobs(documents, common, work, package))
    for service in documents:
        share_models(package / service, package / "common")
    _copy_runtime(package)
    for name, text in {**_INIT_TEXTS, **{service: f"The {service} service." for service in documents}}.items():
        (package / name / "__init__.py").write_text(f'"""{text}"""\n', "utf-8")
    format_tree(package)
    _add_headers(package)
    (package / "STAMP.json").write_text(json.dumps(stamp, indent=2, sort_keys=True) + "\n", "utf-8")
    unasync.convert(ROOT, target)
    return list(documents)


def inputs() -> dict[str, Any]:
    """What the package is made from: the versions of the generators, and the sha256 of every file they read."""
    scripts = ROOT / "scripts"
    files = [path for path in (ROOT / "openapi").glob("*.yaml") if path.name != "style.yaml"]
    files += [scripts / name for name in OWN_SCRIPTS]
    files += [path for folder in ("runtime", "templates") for path in (scripts / folder).rglob("*")]
    return {
        "generators": {name: version(name) for name in _GENERATORS},
        "inputs": {
            path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(files)
            if path.suffix in (".yaml", ".py", ".jinja")
        },
    }


def _jobs(
    documents: dict[str, dict[str, Any]], common: dict[str, Any], work: Path, package: Path
) -> list[tuple[Callable[..., None], tuple[Any, ...]]]:
    alone = bundle(common, {"components": {}}, COMMON)
    jobs: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
    for service, document in documents.items():
        print(f"  {service}: {len(operations(document, service))} operations")
        server = package / "server" / service
        server.mkdir()
        (server / "__init__.py").write_text(f'"""The {service} service, for the gateway."""\n', "utf-8")
        (server / "routes.py").write_text(routes_text(document, service), "utf-8")
        jobs.append((client_package, (document, service, work, package / service)))
        jobs.append((server_models, (document, service, work, server / "models.py")))
        jobs.append((shapes, (document, service, work, package / "shapes" / f"{service}.py")))
    return [*jobs, (client_package, (alone, "common", work, package / "common"))]


def _run_all(jobs: list[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for future in [pool.submit(function, *arguments) for function, arguments in jobs]:
            future.result()


def _copy_runtime(package: Path) -> None:
    for name in files_of(_RUNTIME):
        shutil.copyfile(_RUNTIME / name, package / name)
    (package / "py.typed").write_text("", "utf-8")


def _add_headers(package: Path) -> None:
    for name in files_of(package):
        path = package / name
        if path.suffix == ".py":
            text = path.read_text("utf-8")
            path.write_text(header(_source_of(name), "scripts/generate.py") + text, "utf-8")


def _source_of(name: str) -> str:
    """Which file somebody who wants to change a generated file should edit."""
    if (_RUNTIME / name).exists():
        return f"scripts/runtime/{name}"
    for part in Path(name).with_suffix("").parts:
        if part in SERVICES:
            return f"openapi/{part}.yaml"
    return f"openapi/{COMMON}" if name.startswith("common/") else "scripts/generate.py"


if __name__ == "__main__":
    sys.exit(main())
