"""Holds each result class against the schema of its answer, and against the documentation."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

import smartflow
from scripts.bundle import bundle, load
from smartflow.types.base import Result

ROOT = Path(__file__).resolve().parents[2]
COMMON = load(ROOT / "openapi" / "common.yaml")

# Each class with its service and schema, the fields that only one side has, and those that differ; each with its reason.
EXTRA_OF_CHAT = "kept in `extra`: the same in every answer, or the provider's own mark"
FROM_CHOICES = "taken out of the first choice"
CLASSES: dict[str, tuple[str, str]] = {
    "AIResponse": ("proxy", "ChatCompletion"),
    "AIChunk": ("proxy", "ChatCompletionChunk"),
    "Usage": ("proxy", "Usage"),
    "CacheStats": ("management", "CacheStats"),
    "ProviderHealth": ("management", "ProviderHealth"),
    "SystemHealth": ("management", "SystemHealth"),
    "VASLog": ("management", "VASLog"),
    "VirtualKey": ("management", "CreatedVirtualKey"),
    "ComplianceInfo": ("management", "ComplianceInfo"),
    "MetacacheData": ("management", "MetacacheData"),
    "ProviderMetrics": ("management", "ProviderMetrics"),
    "ComplianceResult": ("compliance", "ComplianceResult"),
    "IntelligentScanResult": ("compliance", "IntelligentScanResult"),
    "LearningStatus": ("compliance", "LearningStatus"),
    "LearningSummary": ("compliance", "LearningSummary"),
    "MLStats": ("compliance", "MLStats"),
    "OrgBaseline": ("compliance", "OrgBaseline"),
    "PersistenceStats": ("compliance", "PersistenceStats"),
}
INVENTED = {
    "AIResponse.content": FROM_CHOICES,
    "AIChunk.content": FROM_CHOICES,
}
LEFT_OUT = {
    "AIResponse.object": EXTRA_OF_CHAT,
    "AIResponse.system_fingerprint": EXTRA_OF_CHAT,
    "AIResponse.service_tier": EXTRA_OF_CHAT,
    "AIChunk.object": EXTRA_OF_CHAT,
    "AIChunk.system_fingerprint": EXTRA_OF_CHAT,
    "AIChunk.service_tier": EXTRA_OF_CHAT,
    "AIChunk.provider": "kept in `extra`: the stream's `response` has it",
    "AIChunk.cached": "kept in `extra`: the stream's `response` has it",
    "AIChunk.cache_hit_type": "kept in `extra`: the stream's `response` has it",
    "Usage.prompt_tokens_details": "kept in `extra`: `cached_tokens` is taken out of it",
    "Usage.completion_tokens_details": "kept in `extra`",
    "ComplianceResult.compliant": "read as `has_violations`, its opposite",
}
OTHER_TYPE = {
    "CacheStats.cost_saved_cents": "documented as int: rounded to whole cents",
    "ProviderMetrics.processing_time_ms": "some gateways send fractions of milliseconds",
}
OTHER_NULL = {
    "VirtualKey.key": "only the answer to the creation has it",
    "AIResponse.usage": "an answer without usage has zeros, so that `usage.total_tokens` never fails",
    "ComplianceInfo.has_violations": "older gateways do not send it, and absent is not False",
    "ComplianceInfo.risk_level": "older gateways do not send it",
    "IntelligentScanResult.scan_id": "older gateways do not send it",
    "ProviderHealth.last_updated": "documented as str: empty before the first call",
}

# What the documentation promises: each field with its type.
DOCUMENTED: dict[str, dict[str, str]] = {
    "AIResponse": {
        "content": "str", "choices": "list", "usage": "Usage", "model": "str", "id": "str", "cached": "bool",
        "cache_hit_type": "str|None", "provider": "str|None",
    },
    "Usage": {"prompt_tokens": "int", "completion_tokens": "int", "total_tokens": "int"},
    "CacheStats": {
        "hit_rate": "float", "hits": "int", "misses": "int", "l1_hits": "int", "l2_hits": "int", "l3_hits": "int",
        "tokens_saved": "int", "cost_saved_cents": "int", "entries": "int",
    },
    "ComplianceResult": {
        "has_violations": "bool", "compliance_score": "float", "violations": "list", "pii_detected": "list",
        "risk_level": "str", "recommendations": "list", "redacted_content": "str|None",
    },
    "IntelligentScanResult": {
        "has_violations": "bool", "risk_score": "float", "recommended_action": "str", "explanation": "str",
        "regex_violations": "list", "ml_violations": "list", "behavior_deviations": "list", "processing_time_us": "int",
    },
    "VASLog": {
        "request_id": "str", "timestamp": "str", "provider": "str", "model": "str", "model_provider": "str",
        "tokens_used": "int", "cost": "float", "latency_ms": "int", "processing_time_ms": "int", "content_type": "str",
        "user_id": "str|None", "conversation_id": "str|None", "conversation_stage": "str|None",
        "routing_strategy": "str|None", "routing_reason": "str|None", "compliance_status": "str|None",
        "compliance_violations": "str|None", "compliance": "ComplianceInfo", "metacache": "MetacacheData",
        "metrics": "ProviderMetrics", "cached": "bool",
    },
    "ComplianceInfo": {
        "data_classification": "str", "compliance_score": "float", "violations_details": "list", "regulatory_frameworks": "list",
    },
    "MetacacheData": {"hit": "bool", "query": "str", "tokens_saved": "int"},
    "ProviderMetrics": {"prompt_tokens": "int", "completion_tokens": "int", "processing_time_ms": "float", "success": "bool"},
    "ProviderHealth": {
        "provider": "str", "status": "str", "latency_ms": "float", "success_rate": "float", "error_rate": "float",
        "requests_total": "int", "last_updated": "str",
    },
    "SystemHealth": {
        "status": "str", "uptime_seconds": "int", "version": "str", "providers": "dict", "cache": "dict", "timestamp": "str",
    },
    "LearningSummary": {"total_users": "int", "users_learning_complete": "int", "config_learning_days": "int"},
    "LearningStatus": {"days_tracked": "int", "progress_percent": "float", "learning_complete": "bool"},
    "MLStats": {
        "total_patterns": "int", "learned_patterns": "int", "patterns_by_category": "dict", "average_confidence": "float",
    },
    "OrgBaseline": {"user_count": "int", "violation_rate": "float", "top_violation_types": "list"},
}  # fmt: skip
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict"}


@cache
def schemas_of(service: str) -> dict[str, Any]:
    document = bundle(load(ROOT / "openapi" / f"{service}.yaml"), COMMON, f"{service}.yaml")
    schemas: dict[str, Any] = document["components"]["schemas"]
    return schemas


def schema_of(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    service, schema = CLASSES[name]
    return schemas_of(service), schemas_of(service)[schema]


def kind_of(schemas: dict[str, Any], schema: dict[str, Any]) -> tuple[str, bool]:
    """What a property is, in the words of `DOCUMENTED`, and whether it may be null."""
    if "oneOf" in schema:
        arms = [arm for arm in schema["oneOf"] if arm.get("type") != "null"]
        assert len(arms) == 1
        return kind_of(schemas, arms[0])[0], len(arms) < len(schema["oneOf"])
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        shown = next((ours for ours, (_, theirs) in CLASSES.items() if theirs == name), None)
        return (shown, False) if shown else kind_of(schemas, schemas[name])
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    (plain,) = [each for each in types if each != "null"]
    return PLAIN[plain], "null" in types


def kind_of_hint(hint: Any) -> tuple[str, bool]:
    """The same of a field."""
    if get_origin(hint) is Union:
        (inner,) = [arm for arm in get_args(hint) if arm is not type(None)]
        return kind_of_hint(inner)[0], True
    return (get_origin(hint) or hint).__name__, False


def result_class(name: str) -> Any:
    return getattr(smartflow, name)


def aliases_of(cls: Any) -> set[str]:
    return {alias for field in dataclasses.fields(cls) for alias in field.metadata.get("aliases", ())}


def test_every_result_class_has_its_schema() -> None:
    public = [getattr(smartflow, name) for name in smartflow.__all__]
    assert {each.__name__ for each in public if isinstance(each, type) and issubclass(each, Result)} == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_no_property_of_the_schema_is_missing(name: str) -> None:
    _, schema = schema_of(name)
    fields = {field.name for field in dataclasses.fields(result_class(name))}
    missing = set(schema["properties"]) - fields - aliases_of(result_class(name))
    assert {f"{name}.{each}" for each in missing} == {each for each in LEFT_OUT if each.startswith(f"{name}.")}


@pytest.mark.parametrize("name", CLASSES)
def test_no_field_is_invented(name: str) -> None:
    _, schema = schema_of(name)
    invented = {field.name for field in dataclasses.fields(result_class(name))} - set(schema["properties"])
    assert {f"{name}.{each}" for each in invented} == {each for each in INVENTED if each.startswith(f"{name}.")}


@pytest.mark.parametrize("name", CLASSES)
def test_types_and_nulls_fit(name: str) -> None:
    schemas, schema = schema_of(name)
    hints = get_type_hints(result_class(name))
    other_types, other_nulls = set(), set()
    for field, described in schema["properties"].items():
        if field not in hints:
            continue
        wanted, nullable = kind_of(schemas, described)
        found, optional = kind_of_hint(hints[field])
        # A class of ours may be read as the plain object that it is documented to be.
        if found != wanted and not (found == "dict" and wanted in CLASSES):
            other_types.add(f"{name}.{field}")
        if nullable != optional and (nullable or field in schema.get("required", ())):
            other_nulls.add(f"{name}.{field}")
    assert other_types == {each for each in OTHER_TYPE if each.startswith(f"{name}.")}
    assert other_nulls == {each for each in OTHER_NULL if each.startswith(f"{name}.")}


@pytest.mark.parametrize("name", CLASSES)
def test_an_example_of_the_schema_fills_every_field(name: str) -> None:
    """What the gateway may send is read without loss: no field keeps its default where the answer has a value."""
    schemas, schema = schema_of(name)
    sample = sample_of(schemas, schema)
    read = getattr(result_class(name), "from_wire", None) or result_class(name).from_dict
    result = read(sample)
    for field in dataclasses.fields(result):
        if field.name in sample and f"{name}.{field.name}" not in OTHER_TYPE:
            value = getattr(result, field.name)
            # A result within a result has a turn of its own.
            assert isinstance(value, Result) or value == sample[field.name]
    assert set(result.extra) <= {each.partition(".")[2] for each in LEFT_OUT if each.startswith(f"{name}.")}


def sample_of(schemas: dict[str, Any], schema: dict[str, Any]) -> Any:
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "oneOf" in schema or "anyOf" in schema:
        return sample_of(schemas, (schema.get("oneOf") or schema["anyOf"])[0])
    if "$ref" in schema:
        return sample_of(schemas, schemas[schema["$ref"].rpartition("/")[2]])
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "array":
        return [sample_of(schemas, schema["items"])]
    if kind == "object":
        return {key: sample_of(schemas, each) for key, each in schema.get("properties", {}).items()}
    return {"string": "text", "integer": 7, "number": 0.5, "boolean": True}[kind]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_fields_have_their_documented_types(name: str) -> None:
    hints = get_type_hints(result_class(name))
    for field, promised in DOCUMENTED[name].items():
        found, optional = kind_of_hint(hints[field])
        assert f"{found}{'|None' if optional else ''}" == promised


def test_every_documented_class_is_known() -> None:
    assert set(DOCUMENTED) <= set(CLASSES)
