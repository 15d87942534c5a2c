"""Direct mode against llmock, which breaks answers on demand and judges what the client made of it."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

import pytest

from smartflow.exceptions import (
    ProviderError,
    RateLimitError,
    ResponseValidationError,
    SmartflowError,
    StreamInterruptedError,
    TimeoutError,
    ValidationError,
)
from tests.real.peers import ask
from tests.support.faces import Connect, Face

PATHS = {
    "openai": "/v1",
    "anthropic": "/anthropic",
    "cohere": "/cohere",
    "mistral": "/mistral/v1",
    "groq": "/groq/openai/v1",
    "together": "/together/v1",
    "xai": "/xai/v1",
    "perplexity": "/perplexity/v1",
}


class Judge:
    """What llmock is told to do, and what it saw."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_llmock"
        ask(f"{self._url}/reset", {})

    def prepare(self, **behaviour: Any) -> None:
        ask(f"{self._url}/scenario", {"behaviors": [behaviour]})

    @property
    def tries(self) -> int:
        return len(ask(f"{self._url}/requests")["requests"])

    @property
    def findings(self) -> List[str]:
        return [each["code"] for each in ask(f"{self._url}/verdict")["findings"]]


@pytest.fixture
def judge(llmock: str) -> Iterator[Judge]:
    made = Judge(llmock)
    yield made
    ask(f"{llmock}/_llmock/reset", {})


@pytest.fixture(params=PATHS)
def provider(request: pytest.FixtureRequest, llmock: str, at: Any) -> str:
    name = str(request.param)
    at(name, llmock + PATHS[name])
    return name


@pytest.fixture
def sf(connect: Connect, provider: str, judge: Judge) -> Face:
    return connect()


def test_a_chat_and_a_stream_are_answered(sf: Face, provider: str, judge: Judge) -> None:
    whole = sf.chat("Hello", model=f"{provider}/a-model")
    assert whole and "".join(sf.stream_chat("Hello", model=f"{provider}/a-model")) == whole
    assert (judge.tries, judge.findings) == (2, [])


def test_the_wait_that_a_429_asks_for_is_obeyed(sf: Face, provider: str, judge: Judge) -> None:
    judge.prepare(type="fail", status=429, retry_after=1)
    assert sf.chat("Hello", model=f"{provider}/a-model")
    assert (judge.tries, judge.findings) == (2, [])


def test_a_limit_that_stays_becomes_an_error(connect: Connect, provider: str, judge: Judge) -> None:
    judge.prepare(type="fail", status=429, retry_after=7, times=None)
    with pytest.raises(RateLimitError) as caught:
        connect(max_retries=0).chat("Hello", model=f"{provider}/a-model")
    assert (caught.value.retry_after, caught.value.provider, judge.tries) == (7.0, provider, 1)


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_trouble_that_passes_costs_nothing(sf: Face, provider: str, judge: Judge, status: int) -> None:
    judge.prepare(type="fail", status=status, times=1)
    assert sf.chat("Hello", model=f"{provider}/a-model")
    assert (judge.tries, judge.findings) == (2, [])


def test_an_outage_is_given_up_after_three_tries(sf: Face, provider: str, judge: Judge) -> None:
    judge.prepare(type="fail", status=503, times=None)
    with pytest.raises(ProviderError) as caught:
        sf.chat("Hello", model=f"{provider}/a-model")
    assert (caught.value.attempts, caught.value.provider, judge.tries) == (3, provider, 3)
    assert judge.findings == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_cannot_succeed_is_tried_once(sf: Face, provider: str, judge: Judge, status: int) -> None:
    judge.prepare(type="fail", status=status, times=None)
    with pytest.raises(SmartflowError) as caught:
        sf.chat("Hello", model=f"{provider}/a-model")
    assert (caught.value.status_code, caught.value.provider, judge.tries) == (status, provider, 1)
    assert judge.findings == []


def test_too_long_a_prompt_is_said_in_the_providers_words(sf: Face, provider: str, judge: Judge) -> None:
    judge.prepare(type="fail", status=400, message="maximum context length is 8 tokens", times=None)
    with pytest.raises(ValidationError, match="maximum context length is 8 tokens"):
        sf.chat("Hello", model=f"{provider}/a-model")


def again(sf: Face, model: str) -> Dict[str, Any]:
    """A caller who streams once more when the SDK says that the answer is not whole."""
    heard: Dict[str, Any] = {}
    for attempt in range(2):
        try:
            heard["text"] = "".join(sf.stream_chat("Hello", model=model))
            break
        except SmartflowError as error:
            heard["error"] = error
        assert attempt == 0
    return heard


@pytest.mark.parametrize("kind", ["truncate", "disconnect"])
def test_half_a_stream_is_never_taken_for_a_whole_one(sf: Face, provider: str, judge: Judge, kind: str) -> None:
    """The server cannot see an exception: it accepts that the caller, who can, asks once more."""
    judge.prepare(type="stream_fault", kind=kind, after_chunks=2)
    heard = again(sf, f"{provider}/a-model")
    assert type(heard["error"]) is StreamInterruptedError
    assert heard["text"].startswith(heard["error"].partial_text)
    assert len(heard["error"].partial_text) < len(heard["text"])
    assert (judge.tries, judge.findings) == (2, [])


def test_a_piece_that_is_no_json_ends_the_stream(sf: Face, provider: str, judge: Judge) -> None:
    judge.prepare(type="stream_fault", kind="malformed", after_chunks=2)
    heard = again(sf, f"{provider}/a-model")
    assert type(heard["error"]) is ResponseValidationError
    # Whether it warns depends on how much it had already written when the client stopped reading.
    assert judge.tries == 2 and set(judge.findings) <= {"malformed_chunk_ignored"}


def test_a_stream_that_stalls_runs_into_its_limit(connect: Connect, provider: str, judge: Judge) -> None:
    judge.prepare(type="stream_fault", kind="stall", after_chunks=2, stall_seconds=30)
    with pytest.raises(TimeoutError) as caught:
        list(connect(timeout=0.5).stream_chat("Hello", model=f"{provider}/a-model"))
    assert (caught.value.phase, judge.tries) == ("idle", 1)
    assert "no_read_timeout" not in judge.findings
