"""The project's own papers: dependencies are bounded, documents name real paths, targets are explained, no secret is in the tree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.sources import ROOT

if sys.version_info < (3, 11):
    pytest.skip("reads pyproject.toml with tomllib", allow_module_level=True)

import tomllib

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SECRETS = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}",
    "an OpenAI key": r"\bsk-(?:proj-)?[A-Za-z0-9]{32,}\b",
    "an Anthropic key": r"\bsk-ant-[A-Za-z0-9_-]{32,}\b",
    "an AWS key": r"\bAKIA[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}\b",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\b",
}
# Made-up keys, which detectors of keys are tried on, spell the alphabet, count, or say what they are.
MADE_UP = re.compile("abcdefgh|1234567|EXAMPLE", re.IGNORECASE)


def tracked() -> list[Path]:
    """Every file that is or would be committed; all files of an archive without git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        return [path for path in ROOT.rglob("*") if path.is_file() and not {".venv", ".venvs"} & set(path.parts)]
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def requirements() -> list[str]:
    project = PROJECT["project"]
    return [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]


def test_every_dependency_has_an_upper_bound() -> None:
    foreign = [each for each in requirements() if not each.startswith("smartflow-sdk[")]
    assert [each for each in foreign if not re.search(r"<|==", each.partition(";")[0])] == []


def test_the_lock_pins_every_package_with_hashes() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==\S+(.*?)(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(pinned) > 50
    assert [name for name, rest in pinned if "--hash=sha256:" not in rest] == []


def test_the_lock_knows_every_direct_dependency() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    project = PROJECT["project"]["optional-dependencies"]
    direct = [*PROJECT["project"]["dependencies"], *project["gateway"], *project["dev"]]
    wanted = {re.split(r"[\[<>=;!~ ]", each)[0].lower().replace("_", "-").replace(".", "-") for each in direct}
    missing = {
        name
        for name in wanted - {"smartflow-sdk"}
        if not re.search(rf"^{re.escape(name)}(\[.*\])?==", lock, re.MULTILINE)
    }
    assert missing == set(), "run `make lock`"


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md"])
def test_a_document_names_only_paths_that_exist(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    assert text.strip(), f"{document} is empty"
    roots = {path.name for path in ROOT.iterdir()}
    quoted = {part.rstrip("/.,") for part in re.findall(r"`([\w./-]+)`", text)}
    links = {part.partition("#")[0] for part in re.findall(r"\]\(([^)\s:]+)\)", text)}
    paths = {part for part in quoted | links if part and part.partition("/")[0] in roots}
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_the_architecture_fits_on_a_page() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()) <= 120


def test_every_target_is_explained_and_declared_phony() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets == explained == set(phony.split())


def test_the_public_names_are_listed_alike_everywhere() -> None:
    """For checkers (`TYPE_CHECKING`), for `import *` (`__all__`) and for the loader (`_HOMES`)."""
    tree = ast.parse((ROOT / "smartflow" / "__init__.py").read_text("utf-8"))
    values = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    homes: dict[str, tuple[str, ...]] = ast.literal_eval(values["_HOMES"])
    loader = {name for names in homes.values() for name in names}
    checkers = {
        alias.name for node in tree.body if isinstance(node, ast.If) for each in node.body
        if isinstance(each, ast.ImportFrom) for alias in each.names
    }  # fmt: skip
    star = set(ast.literal_eval(values["__all__"]))
    assert loader == checkers
    # These two would hide the builtins from whoever writes `import *`.
    assert star == (loader | {"__version__"}) - {"ConnectionError", "TimeoutError"}


@pytest.mark.parametrize(("kind", "pattern"), SECRETS.items(), ids=str)
def test_no_secret_is_in_the_tree(kind: str, pattern: str) -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [
            f"{path.relative_to(ROOT)}: {match[0][:12]}..."
            for match in re.finditer(pattern, text)
            if not MADE_UP.search(match[0])
        ]
    assert found == [], f"this looks like {kind}"
