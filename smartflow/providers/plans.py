"""From an operation of the contract to the provider that carries it out in direct mode: which call, and how its answer is read."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from .._core.secrets import Secret
from ..exceptions import ValidationError
from .dialect import Dialect, ProviderCall, StreamReader, Target, dialect_for
from .table import DEFAULT_PROVIDER, MODELS, PREFIXES, PROVIDERS, ModelRef, parse_model, suggestions, unknown_prefix
from .targets import target_for

__all__ = ["OFFERED", "Plan", "known_provider", "listing", "model_plans", "plan", "planned"]


def _same(answer: Any) -> Any:
    return answer


class Plan(NamedTuple):
    """One call to a provider. `read` makes the public shape of the decoded answer, `reader` of the events of a stream."""

    call: ProviderCall
    target: Target
    read: Callable[[Any], Any] = _same
    reader: Optional[StreamReader] = None


Planner = Callable[[Dialect, Mapping[str, Any], Target, int], Plan]


def _chat(dialect: Dialect, body: Mapping[str, Any], target: Target, created: int) -> Plan:
    call = dialect.chat(body, target)
    if body.get("stream"):
        return Plan(call, target, reader=dialect.stream(body, created=created))
    return Plan(call, target, lambda answer: dialect.read_chat(answer, body, created=created))


def _message(dialect: Dialect, body: Mapping[str, Any], target: Target, created: int) -> Plan:
    from .anthropic import AnthropicDialect

    if not isinstance(dialect, AnthropicDialect):
        raise ValidationError(
            f"{target.model!r} is no Claude model: Anthropic's Messages API has only those; use chat()",
            param="model",
            provider=target.provider,
        )
    call = dialect.message(body, target)
    return Plan(call, target, reader=dialect.message_stream() if body.get("stream") else None)


def _embeddings(dialect: Dialect, body: Mapping[str, Any], target: Target, created: int) -> Plan:
    return Plan(dialect.embeddings(body, target), target, lambda answer: dialect.read_embeddings(answer, body))


def _images(dialect: Dialect, body: Mapping[str, Any], target: Target, created: int) -> Plan:
    def read(answer: Any) -> Dict[str, Any]:
        found = dialect.read_images(answer, body)
        return {**found, "created": found.get("created") or created}

    return Plan(dialect.images(body, target), target, read)


def _speech(dialect: Dialect, body: Mapping[str, Any], target: Target, created: int) -> Plan:
    return Plan(dialect.speech(body, target), target)


def _transcription(dialect: Dialect, body: Mapping[str, Any], target: Target, created: int) -> Plan:
    fields = {name: value for name, value in body.items() if name != "file"}
    call = dialect.transcription(fields, body["file"], target)
    return Plan(call, target, lambda answer: dialect.read_transcription(answer, fields))


def _rerank(dialect: Dialect, body: Mapping[str, Any], target: Target, created: int) -> Plan:
    return Plan(dialect.rerank(body, target), target, lambda answer: dialect.read_rerank(answer, body))


# Each with the provider that a model without a prefix belongs to when its name does not tell.
OFFERED: Dict[str, Any] = {
    "createChatCompletion": (_chat, DEFAULT_PROVIDER),
    "createMessage": (_message, "anthropic"),
    "createEmbedding": (_embeddings, DEFAULT_PROVIDER),
    "createImage": (_images, DEFAULT_PROVIDER),
    "createSpeech": (_speech, DEFAULT_PROVIDER),
    "createTranscription": (_transcription, DEFAULT_PROVIDER),
    "rerankDocuments": (_rerank, "cohere"),
}
"""The operations that providers carry out themselves."""


def plan(
    operation: str,
    body: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    key: Optional[Secret] = None,
    created: int = 0,
) -> Plan:
    """The call that an operation of `OFFERED` with this body becomes; an error names the argument or the variable."""
    default = OFFERED[operation][1]
    model = body["model"]
    wrong = unknown_prefix(model)
    if wrong is not None:
        raise ValidationError(
            f"{wrong!r} is no known provider: {_hint(wrong, '/')} (a name with a slash is written openai/{model})",
            param="model",
            code="unknown_prefix",
        )
    return planned(operation, body, target_for(parse_model(model, default), environment, key), created)


def planned(operation: str, body: Mapping[str, Any], target: Target, created: int = 0) -> Plan:
    """The call that an operation of `OFFERED` with this body becomes at a target."""
    planner: Planner = OFFERED[operation][0]
    return planner(dialect_for(target.provider), body, target, created)


def model_plans(environment: Mapping[str, str], provider: Optional[str] = None) -> List[Plan]:
    """One call for each configured provider that lists its models, or for one provider.

    The models get the prefix by which they are called.
    """
    if provider is not None:
        return [listing(target_for(ModelRef(known_provider(provider), ""), environment))]
    able = [spec.name for spec in PROVIDERS.values() if spec.offers(MODELS) and spec.configured(environment)]
    return [listing(target_for(ModelRef(name, ""), environment)) for name in able]


def known_provider(name: str) -> str:
    """The provider's own name for a name or an alias; an error names those that are spelled alike."""
    found = PREFIXES.get(name)
    if found is None:
        raise ValidationError(
            f"{name!r} is no known provider: {_hint(name)}", param="provider", code="unknown_provider"
        )
    return found


def _hint(name: str, ending: str = "") -> str:
    near = suggestions(name)
    return f"did you mean {near[0]}{ending}?" if near else f"known are {', '.join(each + ending for each in PROVIDERS)}"


def listing(target: Target) -> Plan:
    """The call that lists a provider's models."""
    dialect = dialect_for(target.provider)
    return Plan(dialect.models(target), target, _listing(dialect))


def _listing(dialect: Dialect) -> Callable[[Any], List[Dict[str, Any]]]:
    prefix = "" if dialect.spec.name == DEFAULT_PROVIDER else f"{dialect.spec.name}/"

    def read(answer: Any) -> List[Dict[str, Any]]:
        listed = dialect.read_models(answer)["data"]
        # Gemini lists resources, which its own endpoint takes by their last part.
        return [{**model, "id": prefix + _bare(model["id"])} for model in listed]

    return read


def _bare(name: str) -> str:
    return name[len("models/") :] if name.startswith("models/") else name
