"""What machines wrote is what they would write now, and the check that says so sees every kind of difference."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("the generators need Python 3.11", allow_module_level=True)

from scripts import check_generated, generate
from scripts.bundle import ContractError, bundle, operations
from scripts.tree import MARKER, files_of, replace_tree

MODEL = f"{generate.PACKAGE}/proxy/model.py"
SYNC = "smartflow/_sync/client.py"


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A fresh tree and a repository that hold the same."""
    for root in (tmp_path / "fresh", tmp_path / "root"):
        for name, text in {
            MODEL: f"{MARKER} x\n",
            f"{generate.PACKAGE}/STAMP.json": json.dumps({"inputs": {"a": "1"}}),
            SYNC: f"{MARKER} (scripts/unasync.py, 0123456789abcdef) from x\ncode\n",
        }.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return tmp_path / "fresh", tmp_path / "root"


def append(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text("utf-8") + text, "utf-8")


def test_everything_generated_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    status = check_generated.main()
    assert status == 0, capsys.readouterr().out


def test_equal_trees_have_no_difference(trees: tuple[Path, Path]) -> None:
    assert list(check_generated.compare(*trees)) == []
    assert list(check_generated.claims(trees[1])) == []


@pytest.mark.parametrize("name", [MODEL, SYNC])
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (append("# edited\n"), "hand-edited"),
        (Path.unlink, "missing"),
        (lambda path: path.with_name("left_over.py").write_text("", "utf-8"), "orphaned"),
    ],
)
def test_each_difference_has_its_name(
    trees: tuple[Path, Path], name: str, change: Callable[[Path], object], kind: str
) -> None:
    change(trees[1] / name)
    (problem,) = check_generated.compare(*trees)
    assert problem.startswith(f"{kind}:")
    assert Path(name).parent.as_posix() in problem


def test_other_inputs_make_a_file_stale(trees: tuple[Path, Path]) -> None:
    (trees[1] / generate.PACKAGE / "STAMP.json").write_text(json.dumps({"inputs": {"a": "2"}}), "utf-8")
    append("new\n")(trees[0] / MODEL)
    assert [problem.split(":")[0] for problem in check_generated.compare(*trees)] == ["stale", "stale"]


def test_another_source_makes_a_twin_stale(trees: tuple[Path, Path]) -> None:
    (trees[0] / SYNC).write_text(f"{MARKER} (scripts/unasync.py, fedcba9876543210) from x\nnew\n", "utf-8")
    (problem,) = check_generated.compare(*trees)
    assert problem.startswith("stale:")


def test_a_generated_file_elsewhere_is_an_orphan(trees: tuple[Path, Path]) -> None:
    (trees[1] / "smartflow" / "copy.py").write_text(f"{MARKER} (x) from y\n", "utf-8")
    (problem,) = check_generated.claims(trees[1])
    assert "smartflow/copy.py" in problem


def test_a_failing_run_leaves_the_old_trees(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(target: Path) -> list[str]:
        (target / generate.PACKAGE).mkdir(parents=True)
        raise ContractError("proxy.yaml is wrong")

    old = tmp_path / generate.PACKAGE / "old.py"
    old.parent.mkdir(parents=True)
    old.write_text("old", "utf-8")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "build", fail)
    assert generate.main() == 1
    assert files_of(tmp_path) == {f"{generate.PACKAGE}/old.py": b"old"}


def test_a_new_tree_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for name in ("new/a.py", "old/b.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name, "utf-8")
    assert replace_tree(tmp_path / "new", tmp_path / "old")
    assert files_of(tmp_path) == {"old/a.py": b"new/a.py"}


def test_an_equal_tree_is_left_untouched(tmp_path: Path) -> None:
    for name in ("new/a.py", "old/a.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("same", "utf-8")
    before = (tmp_path / "old").stat().st_ino
    assert not replace_tree(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").stat().st_ino == before


COMMON = {"components": {"schemas": {"Error": {"type": "object"}}}}


@pytest.mark.parametrize(
    ("schemas", "complaint"),
    [
        ({"A": {"$ref": "other.yaml#/components/schemas/A"}}, "not of the form"),
        ({"A": {"$ref": "#/components/schemas/B"}}, "does not exist"),
        ({"A": {"$ref": "common.yaml#/components/schemas/B"}}, "does not exist"),
        ({"Error": {}, "A": {"$ref": "common.yaml#/components/schemas/Error"}}, "both define"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(schemas: dict[str, object], complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        bundle({"paths": {}, "components": {"schemas": schemas}}, COMMON, "proxy.yaml")


def test_an_operation_that_cannot_be_generated_is_named() -> None:
    operation = {"operationId": "get_x", "tags": ["x"], "security": [], "responses": {"200": {"description": "x"}}}
    document = {"paths": {"/x": {"get": operation}}, "components": {}}
    with pytest.raises(ContractError, match="GET /x needs an operationId in plain camelCase"):
        operations(document, "proxy.yaml")
