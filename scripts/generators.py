"""Runs the two generators on bundled documents and makes their output ours: one UNSET, shared models, Python 3.9."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from scripts.bundle import resolve
from scripts.server_text import parameter_schemas
from scripts.tree import ROOT

__all__ = ["GeneratorFailed", "client_package", "server_models", "shapes", "share_models"]

TEMPLATES = ROOT / "scripts" / "templates"
CLIENT_CONFIG = ROOT / "openapi" / "opc.yaml"
_LEFT_OVER = ("client.py", "errors.py", "types.py")
_UNION_OUT = re.compile(r"^(        \w+): \S.*(\n\s*if isinstance\(self\.)", re.MULTILINE)
_NEW_IN_TYPING = ("NotRequired", "TypeAlias", "TypedDict")
_BY_VERSION = f"""
import sys

if sys.version_info >= (3, 11):
    from typing import {", ".join(_NEW_IN_TYPING)}
else:
    from typing_extensions import {", ".join(_NEW_IN_TYPING)}
"""
_COMMON_FLAGS = (
    *("--input-file-type", "openapi", "--openapi-scopes", "schemas", "--disable-timestamp", "--disable-warnings"),
    *("--enum-field-as-literal", "all", "--formatters", "builtin", "--use-double-quotes", "--keep-model-order"),
)


class GeneratorFailed(Exception):
    """A generator refused a document; the message is its own."""


def _run(module: str, arguments: list[str], what: str) -> None:
    result = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise GeneratorFailed(f"{what}: {module} failed\n{result.stdout}{result.stderr}".rstrip())


def _run_models(flags: list[str], source: Path, output: Path, what: str) -> None:
    _run("datamodel_code_generator", [*_COMMON_FLAGS, *flags, "--input", str(source), "--output", str(output)], what)


def client_package(document: dict[str, Any], service: str, work: Path, output: Path) -> None:
    """Write the attrs models and the operation modules of one service to `output`."""
    source, config = work / f"{service}.client.json", work / f"{service}.config.yaml"
    source.write_text(json.dumps(document), "utf-8")
    settings = {**yaml.safe_load(CLIENT_CONFIG.read_text("utf-8")), "package_name_override": service, "post_hooks": []}
    settings["content_type_overrides"] = _binary_types(document)
    settings["class_overrides"] = {
        name: override
        for name, override in settings["class_overrides"].items()
        if name in document["components"]["schemas"]
    }
    config.write_text(yaml.safe_dump(settings), "utf-8")
    arguments = ["generate", "--meta", "none", "--overwrite", "--fail-on-warning", "--path", str(source)]
    arguments += ["--config", str(config), "--custom-template-path", str(TEMPLATES), "--output-path", str(output)]
    _run("openapi_python_client", arguments, f"client of {service}")
    for name in _LEFT_OVER:
        (output / name).unlink()
    for path in output.rglob("*.py"):
        path.write_text(_with_shared_types(path.read_text("utf-8")), "utf-8")
    for package in [output, output / "api", *(path for path in (output / "api").iterdir() if path.is_dir())]:
        (package / "__init__.py").write_text("", "utf-8")
    if not document["paths"]:
        shutil.rmtree(output / "api")


def _binary_types(document: dict[str, Any]) -> dict[str, str]:
    """The media types of answers that are neither JSON nor text: bytes, all of them."""
    media = {
        media_type
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
        for response in operation.get("responses", {}).values()
        for media_type in resolve(document, response).get("content", {})
    }
    return {
        name: "application/octet-stream" for name in sorted(media) if not name.startswith(("text/", "application/"))
    }


def _with_shared_types(text: str) -> str:
    """The generator gives each package its own types module; ours is the one above."""
    text = text.replace("from ..types import", "from ...types import").replace(
        "from .. import types", "from ... import types"
    )
    # The members of a union are told apart by branches, which a checker cannot follow when some of them are lists.
    text = _UNION_OUT.sub(r"\1: Any\2", text)
    if "parse_datetime(" in text:
        text = text.replace("from ...types import", "from ...types import parse_datetime\nfrom ...types import", 1)
    return text


def share_models(package: Path, common: Path) -> None:
    """Make the models that come from common.yaml the ones of the common package."""
    for path in sorted((package / "models").glob("*.py")):
        twin = common / "models" / path.name
        if path.name == "__init__.py" or not twin.exists():
            continue
        names = [node.name for node in ast.parse(twin.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
        imports = "".join(f"from ...common.models.{path.stem} import {name} as {name}\n" for name in names)
        path.write_text(f'"""Shared by all services."""\n\n{imports}', "utf-8")


def shapes(document: dict[str, Any], service: str, work: Path, output: Path) -> None:
    """Write the TypedDicts of one service."""
    source = work / f"{service}.shapes.json"
    source.write_text(json.dumps({**document, "paths": {}}), "utf-8")
    flags = ["--output-model-type", "typing.TypedDict", "--target-python-version", "3.10", "--no-use-union-operator"]
    flags += ["--no-use-closed-typed-dict", "--use-standard-collections", "--use-schema-description"]
    flags += ["--use-field-description", "--use-single-line-docstring", "--disable-future-imports"]
    _run_models(flags, source, output, f"shapes of {service}")
    text = _without_comments(output.read_text("utf-8"))
    text = f'"""The JSON of the {service} service, as TypedDicts."""\n{_BY_VERSION}{_moved_imports(text)}'
    output.write_text(text, "utf-8")


def _moved_imports(text: str) -> str:
    """The text without the imports that depend on the version of Python."""
    text = re.sub(r"^from typing_extensions import .+\n", "", text, flags=re.MULTILINE)
    first = re.search(r"^from typing import (.+)$", text, re.MULTILINE)
    if first is None:
        return text
    names = [name for name in first[1].split(", ") if name not in _NEW_IN_TYPING]
    return text.replace(first[0], f"from typing import {', '.join(names)}" if names else "", 1)


def server_models(document: dict[str, Any], service: str, work: Path, output: Path) -> None:
    """Write the strict pydantic models of one service, parameters included."""
    source = work / f"{service}.server.json"
    schemas = {**document["components"]["schemas"], **parameter_schemas(document, service)}
    source.write_text(json.dumps({**document, "paths": {}, "components": {"schemas": schemas}}), "utf-8")
    flags = ["--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11", "--use-annotated"]
    flags += ["--strict-nullable", "--use-missing-sentinel", "--target-pydantic-version", "2.12"]
    flags += ["--base-class", "smartflow_generated.server.base.Model"]
    flags += ["--use-type-alias", "--strict-types", "str", "float", "bool", "int"]
    _run_models(flags, source, output, f"server models of {service}")
    parsed = ast.parse(output.read_text("utf-8"))
    tree = _Strict(_nullable_aliases(parsed)).visit(parsed)
    text = ast.unparse(ast.fix_missing_locations(tree))
    imports = "from ..base import DateTime, Given, Integer, Model\n"
    text = text.replace("from __future__ import annotations\n", f"from __future__ import annotations\n{imports}", 1)
    output.write_text(f'"""Strict models of the {service} service, for the gateway."""\n\n{text}\n', "utf-8")


class _Strict(ast.NodeTransformer):
    """Turns "missing" into a default of None that an explicit null does not reach, and dates into strict ones."""

    def __init__(self, nullable_aliases: set[str]) -> None:
        self._nullable_aliases = nullable_aliases

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if not (isinstance(node.value, ast.Name) and node.value.id == "MISSING"):
            return node
        kind, extra = _split(node.annotation)
        members = [member for member in _union(kind) if not (isinstance(member, ast.Name) and member.id == "MISSING")]
        if not any(_is_null(member, self._nullable_aliases) for member in members):
            members.append(ast.Constant(None))
            extra.append(ast.Name("Given"))
        node.annotation = _annotated(members, extra)
        node.value = ast.Constant(None)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        if node.module == "smartflow_generated.server.base" or "MISSING" in [alias.name for alias in node.names]:
            return None
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name({"AwareDatetime": "DateTime", "StrictInt": "Integer"}.get(node.id, node.id))


def _nullable_aliases(module: ast.Module) -> set[str]:
    """The names that stand for a type with null in it, other names followed."""
    found: set[str] = set()
    for _ in module.body:
        before = len(found)
        for node in module.body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and isinstance(node.targets[0], ast.Name)
            ):
                kind, _extra = _split(node.value.args[1])
                if any(_is_null(member, found) for member in _union(kind)):
                    found.add(node.targets[0].id)
        if len(found) == before:
            break
    return found


def _is_null(node: ast.expr, aliases: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None
    return isinstance(node, ast.Name) and node.id in aliases


def _split(node: ast.expr) -> tuple[ast.expr, list[ast.expr]]:
    """The type of `Annotated[type, ...]`, and the rest; any other type, and nothing."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Annotated":
        assert isinstance(node.slice, ast.Tuple)
        kind, *extra = node.slice.elts
        return kind, extra
    return node, []


def _union(node: ast.expr) -> list[ast.expr]:
    return [*_union(node.left), *_union(node.right)] if isinstance(node, ast.BinOp) else [node]


def _annotated(members: list[ast.expr], extra: list[ast.expr]) -> ast.expr:
    kind = members[0]
    for member in members[1:]:
        kind = ast.BinOp(kind, ast.BitOr(), member)
    return ast.Subscript(ast.Name("Annotated"), ast.Tuple([kind, *extra])) if extra else kind


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
