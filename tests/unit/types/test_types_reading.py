"""Result classes: what they accept, what they refuse by name, and what they keep."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import typing
from typing import Any, Dict, List, Optional, Type, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow import types
from smartflow.exceptions import ResponseValidationError
from smartflow.types import AIChunk, AIResponse, CacheStats, ComplianceInfo, ProviderHealth, SystemHealth, Usage, VASLog
from smartflow.types.base import MAX_LOOKS, Result, read_rows

CLASSES: List[Type[Result]] = [
    found
    for found in (getattr(types, name) for name in types.__all__)
    if isinstance(found, type) and issubclass(found, Result)
]
VERDICTS = ("ComplianceResult", "IntelligentScanResult")
LENIENT = [cls for cls in CLASSES if cls.__name__ not in VERDICTS]
NEEDED: Dict[str, Dict[str, Any]] = {
    "ComplianceResult": {"has_violations": False, "risk_score": 0.1, "compliance_score": 90.0},
    "IntelligentScanResult": {"has_violations": False, "risk_score": 0.1, "recommended_action": "Allow"},
}


def name_of(cls: Any) -> str:
    return str(getattr(cls, "__name__", cls))


def sample(hint: Any) -> Any:
    """A JSON value of this type that is not the default."""
    arms = [arm for arm in typing.get_args(hint) if arm is not type(None)]
    origin = typing.get_origin(hint)
    if origin is typing.Union:
        return sample(arms[0])
    if origin is list:
        return [sample(arms[0])]
    if origin is dict:
        return {"k": sample(arms[1])}
    if isinstance(hint, type) and issubclass(hint, Result):
        return full(hint)
    return {str: "text", int: 3, float: 0.5, bool: True}.get(hint, {"any": [1]})


def full(cls: Type[Result]) -> Dict[str, Any]:
    return {name: sample(hint) for name, hint in fields_of(cls).items()}


def fields_of(cls: Type[Any]) -> Dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def wrong(hint: Any) -> List[Any]:
    """JSON values that the type must refuse."""
    arms = [arm for arm in typing.get_args(hint) if arm is not type(None)]
    origin = typing.get_origin(hint)
    if origin is typing.Union:
        return wrong(arms[0])
    if origin is list:
        return ["x", {}, 5, True]
    if origin is dict or (isinstance(hint, type) and issubclass(hint, Result)):
        return ["x", [], 5, False]
    numbers = ["x", "", [], {}, True, "nan", "inf", "1,5", 10**400 if hint is float else "1e999"]
    return {str: [[], {}, True], bool: ["true", 1, 0, [], {}, 0.0], int: numbers, float: numbers}.get(hint, [])


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_every_field_is_read(cls: Type[Result]) -> None:
    data = full(cls)
    made = cls.from_dict(data)
    for name, value in data.items():
        found = getattr(made, name)
        assert (found.to_dict() if isinstance(found, Result) else found) == value
    assert made.extra == {}


@pytest.mark.parametrize("cls", LENIENT, ids=name_of)
def test_missing_and_null_fields_have_their_defaults(cls: Type[Result]) -> None:
    nothing = cls.from_dict({})
    assert nothing == cls.from_dict(dict.fromkeys(fields_of(cls))) == cls()
    assert all(getattr(nothing, name) == getattr(cls(), name) for name in fields_of(cls))


@pytest.mark.parametrize("cls", LENIENT, ids=name_of)
def test_defaults_are_not_shared(cls: Type[Result]) -> None:
    first, second = cls.from_dict({}), cls.from_dict({})
    for name in fields_of(cls):
        value = getattr(first, name)
        if isinstance(value, (list, dict)):
            assert value is not getattr(second, name)


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_unknown_fields_are_kept_and_known_names_are_safe(cls: Type[Result]) -> None:
    odd = {"new_field": [1], "_extra": 1, "_meta": 2, "to_dict": 3, "__class__": 4, "_plan": 5, "headers_": 6}
    made = cls.from_dict({**NEEDED.get(cls.__name__, {}), **odd})
    assert dict(made.extra) == odd
    assert made.headers == {}
    assert type(made) is cls
    made.to_dict()


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_a_field_of_the_wrong_type_is_refused_by_name(cls: Type[Result]) -> None:
    for name, hint in fields_of(cls).items():
        for value in wrong(hint):
            with pytest.raises(ResponseValidationError, match=name):
                cls.from_dict({**NEEDED.get(cls.__name__, {}), name: value})


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
@pytest.mark.parametrize("data", [None, [], "x", 5, True])
def test_what_is_no_object_is_refused(cls: Type[Result], data: Any) -> None:
    with pytest.raises(ResponseValidationError, match=f"{cls.__name__} should be an object"):
        cls.from_dict(data)


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_a_result_goes_to_json_and_back(cls: Type[Result]) -> None:
    for data in (full(cls), {**NEEDED.get(cls.__name__, {}), "unknown": {"a": [1]}}):
        made = cls.from_dict(data)
        again = cls.from_dict(json.loads(json.dumps(made.to_dict())))
        assert again == made
        assert again.extra == made.extra
        assert repr(again) == repr(made)


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_a_result_survives_pickle_and_copy(cls: Type[Result]) -> None:
    made = cls.from_dict({**NEEDED.get(cls.__name__, {}), "unknown": [1]})
    for again in (made, pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)):
        assert again == made
        assert again.extra == {"unknown": [1]}
        extra: Any = again.extra
        with pytest.raises(TypeError):
            extra["x"] = 1


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_a_result_cannot_be_changed(cls: Type[Result]) -> None:
    made = cls.from_dict(full(cls))
    name = next(iter(fields_of(cls)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, name, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.anything = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_results_are_equal_by_their_fields_and_show_them(cls: Type[Result]) -> None:
    data = full(cls)
    assert cls.from_dict(data) == cls.from_dict({**data, "unknown": 1})
    name = next(iter(data))
    assert f"{cls.__name__}({name}=" in repr(cls.from_dict(data))
    other: object = data
    assert cls.from_dict(data) != other


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), (5.0, 5), (5.4, 5), (5.6, 6), ("5", 5), (" 5 ", 5), ("5.0", 5), ("-5", -5), (0, 0), (2**60, 2**60)],
)
def test_whole_numbers_are_read_from_all_their_forms(value: Any, number: int) -> None:
    found = Usage.from_dict({"total_tokens": value}).total_tokens
    assert (type(found), found) == (int, number)


@pytest.mark.parametrize(("value", "number"), [(5, 5.0), (0.5, 0.5), ("0.5", 0.5), ("1e3", 1000.0), (-1, -1.0)])
def test_numbers_are_read_from_all_their_forms(value: Any, number: float) -> None:
    found = CacheStats.from_dict({"hit_rate": value}).hit_rate
    assert (type(found), found) == (float, number)


def test_a_number_may_stand_where_a_text_is_wanted() -> None:
    assert AIResponse.from_dict({"id": 7}).id == "7"


def test_a_nested_fault_is_named() -> None:
    with pytest.raises(ResponseValidationError, match="compliance_score should be a number, not str"):
        VASLog.from_wire({"compliance": {"compliance_score": "high"}})


def test_null_in_the_place_of_a_part_is_its_default() -> None:
    row = VASLog.from_wire({"compliance": None, "metrics": {"success": None}})
    assert row.compliance == ComplianceInfo()
    assert row.metrics.success is True


def shapes(count: int) -> List[Dict[str, Any]]:
    """Rows of as many different shapes: each leaves out other fields, or sends them in another form."""
    names = list(fields_of(CacheStats))
    return [
        {
            name: [7, 7.0, "7", None][(number // 4**place) % 4]
            for place, name in enumerate(names)
            if (number >> place) % 5
        }
        for number in range(count)
    ]


def test_the_cache_of_looks_stays_bounded_and_right() -> None:
    def slowly(row: Dict[str, Any]) -> Dict[str, Any]:
        default = CacheStats()
        return {
            name: getattr(default, name)
            if row.get(name) is None
            else (float if name == "hit_rate" else int)(float(row[name]))
            for name in fields_of(CacheStats)
        }

    rows = shapes(MAX_LOOKS * 4)
    for row in (*rows, *reversed(rows)):
        assert CacheStats.from_dict(row).to_dict() == slowly(row)
    plan = CacheStats.__dict__["_plan"]
    assert len(plan.work) <= MAX_LOOKS


mixed: Any = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.none(), max_size=1)
    | st.just({})
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from([*fields_of(ProviderHealth), "avg_latency_ms", "requests", "x"]), mixed),
        max_size=6,
    )
)
def test_a_row_is_read_alike_whatever_came_before(rows: List[Dict[str, Any]]) -> None:
    def read(row: Dict[str, Any]) -> Any:
        try:
            return repr(ProviderHealth.from_dict(row))
        except ResponseValidationError as error:
            return error.message

    forwards = [read(row) for row in rows]
    assert [read(row) for row in reversed(rows)] == forwards[::-1]
    for row, text in zip(rows, forwards):
        del ProviderHealth._plan
        assert read(row) == text


def test_older_names_are_read_where_the_new_ones_are_missing() -> None:
    assert CacheStats.from_dict({"cache_hits": "3", "cache_misses": 1}).hits == 3
    assert CacheStats.from_dict({"cache_hits": 3, "hits": 4}).hits == 4
    assert CacheStats.from_dict({"cache_hits": 3, "hits": None}).hits == 3
    assert ProviderHealth.from_dict({"avg_latency_ms": 5}).latency_ms == 5.0
    assert CacheStats.from_dict({"cache_hits": 3}).extra == {}


@pytest.mark.parametrize(
    ("data", "rate"), [({"hits": 1, "misses": 3}, 0.25), ({"hits": 1, "misses": 3, "hit_rate": 0.5}, 0.5), ({}, 0.0), ({"hits": 1, "misses": 1, "hit_rate": 0}, 0.0)]
)  # fmt: skip
def test_the_hit_rate_is_computed_only_where_it_is_missing(data: Dict[str, Any], rate: float) -> None:
    assert CacheStats.from_wire(data).hit_rate == rate


def test_providers_in_a_list_are_read_by_name() -> None:
    health = SystemHealth.from_wire(
        {"providers": [{"provider": "openai", "status": "healthy"}, {"status": "down"}, "x"]}
    )
    assert health.providers == {"openai": {"provider": "openai", "status": "healthy"}, "1": {"status": "down"}}


def test_a_cached_row_is_told_by_its_cache_data() -> None:
    assert VASLog.from_wire({"metacache": {"hit": True}}).cached is True
    assert VASLog.from_wire({"metacache": {"hit": True}, "cached": False}).cached is False


class Answer:
    """A reply with nothing but headers."""

    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def test_a_result_knows_the_headers_it_came_with() -> None:
    made = CacheStats.from_wire({}, Answer(x_smartflow_request_id="req_1", x_a="b"))
    assert (made.request_id, made.headers["x-a"]) == ("req_1", "b")
    assert "headers" not in made.to_dict()


CHAT: Dict[str, Any] = {
    "id": "c", "model": "m", "created": 5, "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
}  # fmt: skip


def message(**parts: Any) -> AIResponse:
    return AIResponse.from_wire({"choices": [{"message": parts}]})


def test_a_chat_answer_is_read() -> None:
    answer = AIResponse.from_wire(CHAT)
    assert (answer.content, answer.finish_reason, answer.model, answer.created) == ("Hi", "stop", "m", 5)
    assert (answer.usage.total_tokens, answer.usage.cached_tokens) == (3, 1)
    assert answer.message == {"role": "assistant", "content": "Hi"}
    assert answer.extra == {"object": "chat.completion"}
    assert AIResponse.from_dict(json.loads(json.dumps(answer.to_dict()))) == answer


@pytest.mark.parametrize("content", [None, "", [], {}, 5, [None], [{"type": "image"}]])
def test_content_that_is_no_text_is_empty(content: Any) -> None:
    assert message(content=content).content == ""


def test_content_in_parts_is_joined() -> None:
    assert message(content=[{"type": "text", "text": "a"}, {"type": "x"}, {"text": "b"}]).content == "ab"


@pytest.mark.parametrize("choices", [[], [{}], [{"message": None}], [{"message": "x"}]])
def test_choices_without_a_message_have_no_text(choices: Any) -> None:
    answer = AIResponse.from_wire({"choices": choices})
    assert (answer.content, answer.message, answer.tool_calls, answer.refusal) == ("", {}, [], None)


@pytest.mark.parametrize("choices", [[], [{}], [{"finish_reason": 5}]])
def test_choices_without_a_reason_have_none(choices: Any) -> None:
    assert AIResponse.from_wire({"choices": choices}).finish_reason is None
    assert AIChunk.from_wire({"choices": choices}).finish_reason is None


@pytest.mark.parametrize(
    "data", [{}, {"choices": None}, {"choices": {}}, {"choices": "x"}, {"choices": [None]}, {"choices": ["x"]}]
)
def test_a_chat_answer_without_choices_is_refused(data: Any) -> None:
    with pytest.raises(ResponseValidationError, match="choices"):
        AIResponse.from_wire(data)


def test_null_usage_counts_nothing() -> None:
    assert AIResponse.from_wire({**CHAT, "usage": None}).usage == Usage()


@pytest.mark.parametrize(
    ("header", "field", "cached"),
    [("hit", None, True), ("miss", None, False), ("hit", False, False), (None, True, True)],
)
def test_the_cache_header_speaks_where_the_body_does_not(
    header: Optional[str], field: Optional[bool], cached: bool
) -> None:
    reply = Answer(**({"x_smartflow_cache": header} if header else {}))
    assert AIResponse.from_wire({**CHAT, "cached": field}, reply).cached is cached


def test_a_chunk_is_read() -> None:
    chunk = AIChunk.from_wire(
        {
            "choices": [{"delta": {"content": "a", "tool_calls": [{"index": 0}]}, "finish_reason": None}],
            "usage": {"total_tokens": 1},
        }
    )
    assert (chunk.content, chunk.finish_reason, chunk.tool_calls) == ("a", None, [{"index": 0}])
    assert chunk.usage == Usage(total_tokens=1)


@pytest.mark.parametrize(
    "data", [{}, {"choices": []}, {"choices": None, "usage": None}, {"choices": [{"delta": None}]}]
)
def test_a_chunk_without_text_is_a_chunk(data: Any) -> None:
    chunk = AIChunk.from_wire(data)
    assert (chunk.content, chunk.delta, chunk.usage) == ("", {}, None)


def test_many_rows_are_read_and_the_collector_is_back() -> None:
    import gc

    assert gc.isenabled()
    with pytest.raises(ResponseValidationError):
        read_rows(VASLog.from_wire, [{}] * 200 + [None])
    assert gc.isenabled()
    assert len(read_rows(VASLog.from_wire, [{}] * 200)) == 200
