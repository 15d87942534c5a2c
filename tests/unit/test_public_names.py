"""The public names: all importable, all at their documented paths, and cheap to import."""

from __future__ import annotations

import builtins
import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

import smartflow
from smartflow import exceptions, types

ROOT = Path(__file__).resolve().parents[2]


def modules_after(statement: str) -> List[str]:
    """The modules that a fresh interpreter has loaded after this statement, besides those that it starts with."""
    code = f"import json, sys; before = set(sys.modules); {statement}; print(json.dumps(sorted(set(sys.modules) - before)))"
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    found: List[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", sorted({*smartflow.__all__, "ConnectionError", "TimeoutError"}))
def test_every_public_name_can_be_imported(name: str) -> None:
    value = getattr(smartflow, name)
    assert value is not None
    assert name in dir(smartflow)


def test_the_public_names_are_sorted_and_unique() -> None:
    assert smartflow.__all__ == sorted(set(smartflow.__all__))
    assert types.__all__ == sorted(set(types.__all__))


def test_a_star_import_replaces_no_builtin() -> None:
    names: Dict[str, Any] = {}
    exec("from smartflow import *", names)  # noqa: S102
    assert set(smartflow.__all__) <= set(names)
    assert not {name for name in names if hasattr(builtins, name) and not name.startswith("__")}


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'smartflow' has no attribute 'Nonsense'"):
        _ = smartflow.Nonsense


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("smartflow.client", "SmartflowClient"), ("smartflow.sync", "SyncSmartflowClient"), ("smartflow.direct", "DirectModeError"),
        *(("smartflow.exceptions", name) for name in exceptions.__all__), *(("smartflow.types", name) for name in types.__all__),
    ],
)  # fmt: skip
def test_a_documented_path_leads_to_the_same_object(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name) is getattr(smartflow, name)


@pytest.mark.parametrize("name", ["SmartflowAgent", "SmartflowWorkflow"])
def test_agents_and_workflows_stand_beside_their_client(name: str) -> None:
    assert getattr(importlib.import_module("smartflow.client"), name) is getattr(smartflow, name)
    assert getattr(importlib.import_module("smartflow.sync"), f"Sync{name}") is getattr(smartflow, f"Sync{name}")


@pytest.mark.parametrize("name", exceptions.__all__)
def test_an_error_is_found_by_its_documented_path(name: str) -> None:
    kind = getattr(smartflow, name)
    assert (kind.__module__, kind.__qualname__) == ("smartflow", name)
    assert pickle.loads(pickle.dumps(kind)) is kind


def test_every_error_and_every_type_is_public() -> None:
    assert set(exceptions.__all__) - {"ConnectionError", "TimeoutError"} <= set(smartflow.__all__)
    assert set(types.__all__) <= set(smartflow.__all__)


HEAVY = {
    "asyncio",
    "httpx",
    "httpcore",
    "anyio",
    "attr",
    "attrs",
    "ssl",
    "socket",
    "yaml",
    "email",
    "http",
    "smartflow_generated",
    "dateutil",
}


@pytest.mark.parametrize(
    "statement",
    [
        "import smartflow",
        "from smartflow import SmartflowError, ConnectionError",
        "from smartflow import Timeouts",
        "import smartflow; dir(smartflow)",
    ],
)
def test_a_bare_import_loads_nothing_heavy(statement: str) -> None:
    loaded = {name.split(".")[0] for name in modules_after(statement)}
    assert "smartflow" in loaded
    assert not loaded & HEAVY


def test_a_bare_import_loads_none_of_our_own_machinery() -> None:
    ours = {name for name in modules_after("import smartflow") if name.startswith("smartflow")}
    assert ours == {"smartflow", "smartflow._lazy", "smartflow._version"}


def test_the_version_is_the_one_of_the_package() -> None:
    from smartflow import _version

    assert smartflow.__version__ == _version.__version__
