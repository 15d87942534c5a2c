"""Each rule of scripts/lint_spec.py is shown a small contract that breaks it, and must say so."""

from __future__ import annotations

import copy
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LINT = ROOT / "scripts" / "lint_spec.py"
Document = dict[str, Any]


def load_lint() -> Any:
    spec = importlib.util.spec_from_file_location("lint_spec", LINT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


lint_spec = load_lint()

COMMON = """
openapi: 3.1.0
info: {title: Common, version: '1', description: Shared., license: {name: MIT, identifier: MIT}}
paths: {}
components:
  headers:
    RequestId: {description: The id., schema: {type: string}, example: req_1}
  responses:
    Bad:
      description: Something is wrong.
      headers: {x-smartflow-request-id: {$ref: '#/components/headers/RequestId'}}
      content:
        application/json:
          schema: {$ref: '#/components/schemas/Error'}
          example: {error: no}
  schemas:
    Error:
      type: object
      description: An error.
      properties:
        error: {type: string, description: What is wrong.}
"""
SERVICE = """
openapi: 3.1.0
info: {title: Service, version: '1', description: A service., license: {name: MIT, identifier: MIT}}
servers: [{url: 'http://127.0.0.1:1', description: Here.}]
tags: [{name: things, description: All things.}]
paths:
  /things/{thing_id}:
    post:
      operationId: changeThing
      tags: [things]
      summary: Change a thing
      description: Returns the changed thing.
      security: [{bearerAuth: []}]
      parameters:
        - {name: thing_id, in: path, required: true, description: The id., schema: {type: string}, example: a}
      requestBody:
        description: The new name.
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Thing'}
            example: {name: rose, made: '2026-02-19T10:15:00Z'}
      responses:
        '200':
          description: The thing.
          headers: {x-smartflow-request-id: {$ref: 'common.yaml#/components/headers/RequestId'}}
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Thing'}
              example: {name: rose}
        '400': {$ref: 'common.yaml#/components/responses/Bad'}
        '401': {$ref: 'common.yaml#/components/responses/Bad'}
        '404': {$ref: 'common.yaml#/components/responses/Bad'}
        '500': {$ref: 'common.yaml#/components/responses/Bad'}
components:
  securitySchemes:
    bearerAuth: {type: http, scheme: bearer, description: A key.}
  schemas:
    Thing:
      type: object
      description: A thing.
      properties:
        name: {type: string, description: Its name., examples: [rose]}
        made: {type: string, format: date-time, description: 'When it was made, ISO-8601 UTC.'}
"""


@pytest.fixture
def service() -> Document:
    document: Document = yaml.safe_load(SERVICE)
    return document


def lines(folder: Path, *services: Document) -> list[str]:
    folder = folder / "openapi"
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "openapi" / "style.yaml", folder)
    (folder / "common.yaml").write_text(COMMON)
    for index, document in enumerate(services):
        (folder / f"service{index}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return [f"{name}: #/{'/'.join(at)}: {what}" for name, at, what in lint_spec.lint(folder, lint_spec.load(folder))]


def operation(document: Document) -> Document:
    found: Document = document["paths"]["/things/{thing_id}"]["post"]
    return found


def thing(document: Document) -> Document:
    found: Document = document["components"]["schemas"]["Thing"]
    return found


def test_a_contract_that_keeps_the_rules_has_no_findings(tmp_path: Path, service: Document) -> None:
    assert lines(tmp_path, service) == []


def rename_key(mapping: Document, old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


BREAKS: dict[str, tuple[Callable[[Document], object], str]] = {
    "an unknown type": (lambda d: thing(d).update(type="thing"), "'thing' is not valid"),
    "an undeclared tag": (lambda d: operation(d).update(tags=["nothing"]), "operation-tag-defined"),
    "two tags": (lambda d: operation(d).update(tags=["things", "things"]), "exactly one tag"),
    "a snake_case id": (lambda d: operation(d).update(operationId="change_thing"), "not camelCase"),
    "no summary": (lambda d: operation(d).pop("summary"), "summary is missing"),
    "no security": (lambda d: operation(d).pop("security"), "security is missing"),
    "no 400": (lambda d: operation(d)["responses"].pop("400"), "the answer 400 is missing"),
    "no 401": (lambda d: operation(d)["responses"].pop("401"), "the answer 401 is missing"),
    "no 404 of a path id": (lambda d: operation(d)["responses"].pop("404"), "the answer 404 is missing"),
    "an error of its own": (
        lambda d: operation(d)["responses"].update({"400": {"description": "No."}}),
        "error answer",
    ),
    "no request id": (lambda d: operation(d)["responses"]["200"].pop("headers"), "x-smartflow-request-id is missing"),
    "a reference to another file": (
        lambda d: operation(d)["responses"].update({"500": {"$ref": "./common.yaml#/components/responses/Bad"}}),
        "is not of the form",
    ),
    "a reference to another machine": (
        lambda d: operation(d)["responses"].update(
            {"500": {"$ref": "http://192.0.2.1/common.yaml#/components/responses/Bad"}}
        ),
        "is not of the form",
    ),
    "a reference to nothing": (
        lambda d: operation(d)["responses"].update({"500": {"$ref": "common.yaml#/components/responses/Missing"}}),
        "post/responses/500: the $ref common.yaml#/components/responses/Missing leads nowhere",
    ),
    "an inline answer": (
        lambda d: operation(d)["responses"]["200"]["content"]["application/json"].update(schema={"type": "object"}),
        "must be a $ref to a named component",
    ),
    "a body without an example": (
        lambda d: operation(d)["requestBody"]["content"]["application/json"].pop("example"),
        "body has no example",
    ),
    "a wrong example of a body": (
        lambda d: operation(d)["requestBody"]["content"]["application/json"].update(example={"name": 1}),
        "does not fit its schema: $.name",
    ),
    "an example that is no date": (
        lambda d: operation(d)["requestBody"]["content"]["application/json"].update(example={"made": "today"}),
        "does not fit its schema: $.made",
    ),
    "a wrong example of a parameter": (lambda d: operation(d)["parameters"][0].update(example=1), "does not fit"),
    "a wrong example of a property": (lambda d: thing(d)["properties"]["name"].update(examples=[1]), "does not fit"),
    "a parameter without an example": (lambda d: operation(d)["parameters"][0].pop("example"), "has no example"),
    "a default of a parameter": (
        lambda d: operation(d)["parameters"][0].update(schema={"type": "string", "default": "a"}),
        "must have no default",
    ),
    "a default of a property": (lambda d: thing(d)["properties"]["name"].update(default="a"), "must have no default"),
    "a property without a description": (
        lambda d: thing(d)["properties"]["name"].pop("description"),
        "the property name has no description",
    ),
    "a property that may be anything": (
        lambda d: thing(d)["properties"].update(name=True),
        "the property name has no description",
    ),
    "a schema named like its property": (
        lambda d: rename_key(thing(d)["properties"], "name", "thing"),
        "must not be named like one of its own properties",
    ),
    "an orphan": (
        lambda d: d["components"]["schemas"].update(Other={"type": "string", "description": "Unused."}),
        "#/components/schemas/Other: the component is used nowhere",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_is_found(name: str, tmp_path: Path, service: Document) -> None:
    break_it, finding = BREAKS[name]
    break_it(service)
    assert [line for line in lines(tmp_path, service) if finding in line], name


def test_an_operation_id_is_unique_over_all_documents(tmp_path: Path, service: Document) -> None:
    found = lines(tmp_path, service, copy.deepcopy(service))
    assert len(found) == 1
    assert re.match(
        r"service1.yaml: #/paths//things/\{thing_id\}/post: the operationId changeThing is used in", found[0]
    )


def test_a_missing_rule_set_is_a_finding_and_not_a_pass(tmp_path: Path, service: Document) -> None:
    lines(tmp_path, service)
    (tmp_path / "openapi" / "style.yaml").unlink()
    done = run(tmp_path / "openapi")
    assert done.returncode == 1
    assert "the style linter did not run" in done.stdout


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, LINT, folder], capture_output=True, text=True, timeout=60, check=False)


def test_the_script_ends_with_the_counts_and_fails_on_a_finding(tmp_path: Path, service: Document) -> None:
    operation(service).pop("summary")
    lines(tmp_path, service)
    done = run(tmp_path / "openapi")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "openapi/service0.yaml: #/paths//things/{thing_id}/post: summary is missing",
        "spec lint: 2 documents, 1 operations, 1 findings",
    ]


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, service: Document) -> None:
    lines(tmp_path, service)
    with (tmp_path / "openapi" / "common.yaml").open("a") as file:
        file.write("paths: {}\n")
    done = run(tmp_path / "openapi")
    assert done.returncode == 1
    assert 'duplicate key "paths"' in done.stderr


def test_a_folder_without_documents_fails(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 1
