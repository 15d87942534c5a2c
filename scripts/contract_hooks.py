"""What Schemathesis is told of this contract: which valid requests may be refused with 400, and for which part of them.

Most operations are not here: they must take everything that fits their schema. The others know rules that no schema can say.
schemathesis.toml switches the general check off for exactly these, and this one takes its place.
"""

from __future__ import annotations

from typing import Any

import schemathesis

# The provider that a header or a body names must be one of the gateway's; users add local ones, so it is no enum.
# The policy of a check is one of the files that users add.
_PROVIDER = {"x-smartflow-provider", "policy"}
# Rules between members: a tool_choice that names no tool, a tool answer without its call, a schema that nothing satisfies, a limit
# of the model. The bodies are open, and belong to the provider.
_CHAT = {
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "functions",
    "function_call",
    "stream_options",
    "n",
    "stop",
    "input_audio",
    "image_url",
}
_MESSAGE = {"messages", "tools", "tool_choice", "thinking", "system", "max_tokens", "image_url"}

REFUSABLE = {
    "createChatCompletion": _PROVIDER | _CHAT,
    "createMessage": _PROVIDER | _MESSAGE,
    "createMessageAlias": _PROVIDER | _MESSAGE,
    # The offline provider makes vectors of up to 4096 dimensions; another may make longer ones.
    "createEmbedding": _PROVIDER | {"dimensions", "input"},
    "createImage": _PROVIDER | {"size", "n", "model"},
    "createSpeech": _PROVIDER | {"input", "response_format"},
    # Random bytes are no audio.
    "createTranscription": _PROVIDER | {"file"},
    "rerankDocuments": _PROVIDER | {"documents", "rank_fields"},
    # Policies are files that users add.
    "scanContent": {"policy"},
    "intelligentScan": {"policy"},
    "overrideRouting": {"provider", "model"},
    # A name that is in use, a provider that the gateway does not have, a chain of a provider with another name.
    "createFallbackChain": {"name", "targets"},
    "updateFallbackChain": {"name", "targets"},
    # A key that was revoked is not changed any more.
    "updateVirtualKey": {"key_id"},
    # The first day must not come after the last.
    "getHybridAnalytics": {"start_date", "end_date"},
    # A moment whose UTC year is not one of 1 to 9999.
    "getAuditLogs": {"start", "end"},
}


@schemathesis.check
def refusal_has_a_reason(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """A valid request is refused with 400 only for a part of it that is listed above."""
    allowed = REFUSABLE.get(str(case.operation.definition.raw.get("operationId")))
    generated = case.meta.generation.mode.is_positive if case.meta else False
    if allowed is None or not generated or response.status_code != 400:
        return
    param = str(response.json()["error"].get("param") or "nothing")
    if param.partition(".")[0].partition("[")[0] not in allowed:
        raise AssertionError(f"a valid request was refused because of {param}: {response.json()['error']['message']}")
