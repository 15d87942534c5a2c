"""The stage of a conversation is read from its messages."""

from __future__ import annotations

from typing import Any

import pytest

from smartflow.gateway.inference.stage import stage_of


def said(*texts):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]}


TOOL_CALL: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "21"}]}


@pytest.mark.parametrize(
    ("request_", "stage"),
    [
        (said("Hello there!"), "greeting"),
        (said("Good morning"), "greeting"),
        (said([{"type": "text", "text": "Hola"}]), "greeting"),
        (said("Good rates for a loan?"), "opening"),
        (said("Hello, why was my second invoice so high?"), "opening"),
        (said("Thanks"), "opening"),
        (said("Why?", "Because.", "And then?"), "follow_up"),
        (said("Why?", "Because.", "Hello?"), "follow_up"),
        (said("Why?", "Because.", "Thank you!"), "closing"),
        (said("Why?", "Because.", "Thanks, and what about the invoice of May?"), "follow_up"),
        (
            {"messages": [*said("How warm is it?")["messages"], TOOL_CALL, {"role": "tool", "content": "21"}]},
            "analysis",
        ),
        ({"messages": [*said("How warm is it?")["messages"], TOOL_CALL, RESULT]}, "analysis"),
        ({"messages": [{"role": "system", "content": "Be kind."}]}, None),
        ({"messages": []}, None),
        ({"prompt": "a cat"}, None),
    ],
)
def test_the_stage_is_that_of_the_last_turn(request_, stage):
    assert stage_of(request_) == stage
