"""What `import smartflow` loads, and that no module is left over."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT, Source, sources

# Documented import paths, for users; and what pyproject.toml and `python -m` start.
DOORS = {
    "smartflow", "smartflow.client", "smartflow.sync", "smartflow.direct", "smartflow.testing",
    "smartflow.cli.main", "smartflow.testing.plugin", "smartflow.gateway.__main__",
}  # fmt: skip
HEAVY = (
    "anyio", "asyncio", "attr", "attrs", "dateutil", "email", "h11", "http", "httpcore", "httpx", "inspect", "logging", "pydantic",
    "smartflow_generated.proxy.models", "smartflow_generated.server", "sniffio", "socket", "sqlite3", "ssl", "starlette",
    "subprocess", "uvicorn", "yaml",
)  # fmt: skip
# The class of the client knows its connections (h11 on httpcore's sockets); httpx, models and everything else stay out.
HEAVY_FOR_THE_CLASS = (
    "attr",
    "attrs",
    "dateutil",
    "httpx",
    "pydantic",
    "smartflow_generated.proxy.models",
    "sqlite3",
    "yaml",
)


def loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads, in a fresh interpreter, beside those that are there anyway."""
    script = f"import sys; before = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before), sep=chr(10))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [("import smartflow", HEAVY), ("from smartflow import SmartflowClient, SyncSmartflowClient", HEAVY_FOR_THE_CLASS)],
)
def test_an_import_loads_nothing_heavy(statement: str, heavy: tuple[str, ...]) -> None:
    loaded = loaded_by(statement)
    assert sorted(name for name in heavy if name in loaded) == []


def test_import_smartflow_loads_its_own_names_only_when_they_are_used() -> None:
    loaded = {name for name in loaded_by("import smartflow") if name.partition(".")[0] == "smartflow"}
    assert loaded == {"smartflow", "smartflow._lazy", "smartflow._version"}


def test_the_pytest_plugin_loads_no_gateway() -> None:
    loaded = loaded_by("import pytest, smartflow.testing.plugin")
    assert not {name for name in loaded if name.startswith("smartflow.gateway")}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the gateway needs Python 3.11")
def test_no_module_is_an_orphan() -> None:
    modules = {_module(source): source for source in sources("smartflow", generated=True)}
    used = set(DOORS)
    for module, source in modules.items():
        used |= {name for name in _named(module, source) if name != module}
    orphans = [module for module in modules if module not in used and not _is_package_of(module, used)]
    assert orphans == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the scripts need Python 3.11")
def test_no_script_is_an_orphan() -> None:
    doors = (ROOT / "Makefile").read_text("utf-8") + (ROOT / "pyproject.toml").read_text("utf-8")
    texts = [source.text for source in sources()]
    orphans = []
    for source in sources("scripts"):
        stem = source.name.rpartition("/")[2][: -len(".py")]
        started = re.search(rf"scripts[./]{stem}\b", doors)
        imported = any(
            re.search(rf"(from|import) scripts(\.{stem}\b| import .*\b{stem}\b)|scripts\.{stem}\b", text)
            for text in texts
        )
        if not (started or imported or "runtime/" in source.name or stem == "__init__"):
            orphans.append(source.name)
    assert orphans == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the generators need Python 3.11")
def test_the_stamp_covers_the_scripts_that_shape_the_package() -> None:
    """A script that `scripts.generate` imports and the stamp does not know would change the package unnoticed."""
    from scripts.generate import OWN_SCRIPTS

    imports = {source.name: set(_named(_module(source), source)) for source in sources("scripts")}
    reached, todo = set(), {"scripts.generate"}
    while todo:
        module = todo.pop()
        reached.add(module)
        named = imports.get(module.replace(".", "/") + ".py", set())
        todo |= {name for name in named if name.replace(".", "/") + ".py" in imports} - reached
    shaping = {name.partition(".")[2] + ".py" for name in reached}
    # The sync twins carry the fingerprint of their source instead.
    assert shaping - {"unasync.py"} == set(OWN_SCRIPTS)


def _module(source: Source) -> str:
    return source.name[: -len(".py")].replace("/", ".").replace(".__init__", "")


def _named(module: str, source: Source) -> set[str]:
    """The modules that a file imports, anywhere in it, and those whose dotted name stands in a string or an f-string."""
    is_package = source.name.endswith("__init__.py")
    found: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")
            base = base[: len(base) - node.level + is_package] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"smartflow(\.\w+)+", node.value)
        ):
            found.add(node.value)
    if module == "smartflow.gateway.contract":
        found |= _domains(source)
    return found


def _domains(source: Source) -> set[str]:
    """The modules of handlers, which are loaded by the name of their domain."""
    (domains,) = (
        ast.literal_eval(node.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["_DOMAINS"]
    )
    return {f"smartflow.gateway.{domain}.operations" for domain in domains}


def _is_package_of(module: str, used: set[str]) -> bool:
    return any(name.startswith(f"{module}.") for name in used)
