"""Which words of a request or an answer are scanned, and that placeholders land in their places."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartflow.gateway.compliance.detectors import candidates, resolve
from smartflow.gateway.compliance.finding import KINDS, Severity
from smartflow.gateway.compliance.texts import Texts

SEVERITY: dict[str, Severity] = dict.fromkeys(KINDS, "high")
SSN = "536-22-8145"


def redacted(value: Any) -> Any:
    texts = Texts(value)
    return texts.redacted(resolve(candidates(texts.text, KINDS), SEVERITY))


def message(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (message(f"a {SSN} b {SSN} c"), message("a [SSN] b [SSN] c")),
        (message([{"type": "text", "text": SSN}]), message([{"type": "text", "text": "[SSN]"}])),
        ({"input": ["x", SSN]}, {"input": ["x", "[SSN]"]}),
        ({"metadata": {"ssn": 536228145}}, {"metadata": {"ssn": "[SSN]"}}),
        ({"metadata": {SSN: 1}}, {"metadata": {"[SSN]": 1}}),
        ({"content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"ssn": "536228145"}}]},
         {"content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"ssn": "[SSN]"}}]}),
        ({"source": {"type": "text", "media_type": "text/plain", "data": SSN}},
         {"source": {"type": "text", "media_type": "text/plain", "data": "[SSN]"}}),
        ({"image_url": {"url": f"https://example.com/?ssn={SSN}"}}, {"image_url": {"url": "https://example.com/?ssn=[SSN]"}}),
    ],
)  # fmt: skip
def test_a_find_is_replaced_where_it_stands(value: Any, expected: Any) -> None:
    assert redacted(value) == expected


def test_a_find_that_spans_two_texts_is_replaced_once_and_removed_from_the_other() -> None:
    key = ["-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN", "BgkqhkiG9w0BAQ==\n-----END PRIVATE KEY-----\nbye"]
    assert redacted({"input": key}) == {"input": ["[API_KEY]", "\nbye"]}


def test_a_value_without_finds_is_the_same_object() -> None:
    value = message("nothing here")
    assert redacted(value) is value


def test_arguments_without_finds_keep_their_spelling() -> None:
    value = {"function": {"name": "f", "arguments": '{ "a":1,  "b": "c" }'}, "user": SSN}
    assert redacted(value)["function"] == value["function"]


@pytest.mark.parametrize("arguments", ["{broken 536-22-8145", '"536-22-8145"', "[" * 3000 + SSN])
def test_arguments_that_are_no_object_are_read_as_text(arguments: str) -> None:
    assert SSN not in redacted({"arguments": arguments})["arguments"]


def test_protocol_words_are_no_text() -> None:
    value = {"model": SSN, "messages": [{"role": "tool", "tool_call_id": SSN, "content": "ok"}]}
    assert Texts(value).text == "ok\n"


def test_in_free_data_the_names_of_the_protocol_are_data_again() -> None:
    assert redacted({"metadata": {"id": SSN, "type": SSN}}) == {"metadata": {"id": "[SSN]", "type": "[SSN]"}}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "file", "file": {"file_data": "AAAA"}},
    ],
)
def test_pictures_sounds_and_files_are_counted_as_unread(part: dict[str, Any]) -> None:
    texts = Texts(message([part]))
    assert (texts.unread, "AAAA" in texts.text) == (1, False)


def test_token_ids_are_noticed() -> None:
    assert Texts({"input": [1, 2, 3]}).has_token_ids and Texts({"input": [[1, 2], [3, 4]]}).has_token_ids
    assert not Texts({"input": ["a"]}).has_token_ids


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(SSN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["content", "input", "a", "url", "id"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_any_value_keeps_its_shape_and_loses_its_secrets(value: Any) -> None:
    changed = redacted(value)
    # A number that is a card number, say, becomes its label.
    labelled = type(value) is int and type(changed) is str and re.fullmatch(r"\[[A-Z_]+\]", changed)
    assert type(changed) is type(value) or labelled
    texts = Texts(changed)
    assert SSN not in texts.text
    json.dumps(changed)
