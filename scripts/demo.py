"""A tour of the SDK against a local gateway in a temporary directory; it checks what it shows and leaves nothing behind."""

from __future__ import annotations

import asyncio
import math
import secrets
import shutil
import socket
import sys
import tempfile
import textwrap
import time
import wave
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import smartflow
from smartflow import SmartflowClient, SmartflowError, SyncSmartflowClient, Usage, VASLog
from smartflow.testing import GatewayStartError, LocalGateway

QUESTION = "Explain Docker containers"
CARD, SSN, PHONE = "4111-1111-1111-1111", "123-45-6789", "212-555-0188"
CUSTOMER = f"Please charge card {CARD}, my SSN is {SSN}. Call me at {PHONE}."
REDACTED = "Please charge card [CREDIT_CARD], my SSN is [SSN]. Call me at [PHONE]."
NEAR = ("The cat sleeps on the warm roof", "A cat is sleeping on a warm roof")
FAR = "Quarterly interest rates rose by half a percent"
SECONDS, RATE = 1.5, 16_000
USER, CONVERSATION = "alice", "demo-conversation"
WIDTH = max(60, min(shutil.get_terminal_size((80, 24)).columns, 100))


class DemoFailed(Exception):
    """What was shown is not what must be; the message is one sentence."""


@dataclass
class Tour:
    """What the steps share."""

    gateway: LocalGateway
    folder: Path
    key: str
    place: dict[str, Any]
    sf: SyncSmartflowClient
    first_request: str = ""


def place_of(gateway: LocalGateway) -> dict[str, Any]:
    """The URLs of a gateway as arguments of a client; its ports are not the documented ones."""
    others = {f"{name}_url": getattr(gateway, f"{name}_url") for name in ("management", "compliance", "bridge")}
    return {"base_url": gateway.url, **others}


def check(true: bool, sentence: str) -> None:
    """Fail with the sentence unless the condition holds."""
    if not true:
        raise DemoFailed(sentence)


def tell(label: str, text: object) -> None:
    """Print one fact, wrapped under its label."""
    print(textwrap.fill(f"  {label:<12} {text}", WIDTH, subsequent_indent=" " * 15), flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> None:
    """Print aligned columns; the columns named in `right` are aligned to the right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    cells.insert(1, ["-" * width for width in widths])
    for row in cells:
        line = "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, head, strict=True)
        )
        print(f"  {line.rstrip()}", flush=True)


class Writer:
    """Writes pieces of text as they come, and breaks lines between words."""

    def __init__(self) -> None:
        self._column = 0

    def write(self, piece: str) -> None:
        if self._column == 0 or (self._column + len(piece) > WIDTH - 2 and piece.startswith(" ")):
            sys.stdout.write("\n" * (self._column > 0) + "  ")
            self._column, piece = 2, piece.lstrip()
        sys.stdout.write(piece)
        sys.stdout.flush()
        self._column += len(piece)


def chat(tour: Tour) -> str:
    answer = tour.sf.chat_completions([{"role": "user", "content": QUESTION}])
    tell("question", QUESTION)
    tell("answer", answer.content)
    tell("facts", f"{_tokens(answer.usage)}, provider {answer.provider}, request {answer.request_id}")
    check(QUESTION in answer.content, "the answer does not take up the question")
    check(answer.usage.total_tokens > 0 and not answer.cached, "the first answer must be counted and not cached")
    tour.first_request = answer.request_id or ""
    return f"answered, {_tokens(answer.usage)}"


def chat_again(tour: Tour) -> str:
    answer = tour.sf.chat_completions([{"role": "user", "content": QUESTION}])
    check(answer.cached, "the same question again must be answered by the cache")
    check(answer.tokens_saved == answer.usage.total_tokens > 0, "a cache hit must say how many tokens it saved")
    check(answer.cost_saved_cents > 0, "a cache hit must say what it saved")
    tell("cache", f"{answer.cache_hit_type} hit, {_plural(answer.tokens_saved, 'token')} saved")
    tell("saved", f"{answer.cost_saved_cents:.4f} US cents at the list price of {answer.model}")
    return f"cache hit, {_plural(answer.tokens_saved, 'token')} saved"


def stream(tour: Tour) -> str:
    writer, pieces, started, first = Writer(), [], time.perf_counter(), 0.0
    for piece in tour.sf.stream_chat("Tell me a story about a robot"):
        first = first or time.perf_counter() - started
        pieces.append(piece)
        writer.write(piece)
    print()
    tell("pieces", f"{len(pieces)}, the first one after {first * 1000:.0f} ms")
    check(len(pieces) > 5, "the answer must come in several pieces")
    check("story about a robot" in "".join(pieces), "the pieces do not add up to an answer")
    return f"{len(pieces)} pieces, put together they are the answer"


def embed(tour: Tour) -> str:
    result = tour.sf.embeddings([*NEAR, FAR])
    vectors = [[float(number) for number in item["embedding"]] for item in result["data"]]
    check(len(vectors) == 3, "three texts must give three vectors")
    size = len(vectors[0])
    check(size == 1536 and all(len(vector) == size for vector in vectors), "all vectors must have 1536 numbers")
    near, far = _cosine(vectors[0], vectors[1]), _cosine(vectors[0], vectors[2])
    tell("dimensions", f"{size}, model {result['model']}")
    tell("A", NEAR[0])
    tell("B", NEAR[1])
    tell("C", FAR)
    tell("similarity", f"A and B {near:.2f}, A and C {far:.2f}")
    check(near > far + 0.2, "texts that say the same must be nearer than texts that do not")
    return f"{size} dimensions, near {near:.2f}, far {far:.2f}"


def transcribe(tour: Tour) -> str:
    path = tour.folder / "two-tones.wav"
    _write_wav(path)
    tell("file", f"{path.name}, {path.stat().st_size:,} bytes, made by this demo: {SECONDS} s, {RATE} Hz, mono")
    text = tour.sf.audio_transcription(path)["text"]
    tell("heard", text)
    for fact in (f"{SECONDS:.2f} s", f"{RATE} Hz", "mono", "wav", "2 tones", path.name):
        check(fact in text, f"the transcription must name {fact}")
    return f"heard {SECONDS} s of wav audio"


def scan(tour: Tour) -> str:
    result = tour.sf.intelligent_scan(CUSTOMER, user_id=USER, org_id="acme")
    tell("text", CUSTOMER)
    tell("verdict", f"{result.recommended_action}, risk {result.risk_score:.2f} ({result.risk_level})")
    tell("reason", result.explanation)
    keys = ("violation_type", "severity", "confidence", "matched_text")
    table(keys, ([found[key] for key in keys] for found in result.regex_violations), right="confidence")
    kinds = {found["violation_type"] for found in result.regex_violations}
    check(kinds == {"credit_card", "ssn", "phone"}, "the scan must find the card number, the SSN and the phone number")
    check(result.is_blocked, "such a text must be blocked")
    check(CARD not in repr(result) and SSN not in repr(result), "a verdict must not repeat what it found")
    return f"{', '.join(sorted(kinds))}: {result.recommended_action}"


def redact(tour: Tour) -> str:
    safe = tour.sf.redact_pii(CUSTOMER)
    tell("before", CUSTOMER)
    tell("after", safe)
    check(safe == REDACTED, f"the redacted text must be: {REDACTED}")
    return "three placeholders, nothing else changed"


def errors(tour: Tour) -> str:
    stranger = SyncSmartflowClient(api_key="sk-sf-not-the-right-one", **tour.place)
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]
    lost = SyncSmartflowClient(f"http://127.0.0.1:{port}", max_retries=0)
    with stranger, lost:
        _expect("empty text", smartflow.ValidationError, lambda: tour.sf.chat(""))
        _expect("bad field", smartflow.ValidationError, lambda: tour.sf.chat("Hello", temperature=9.0))
        _expect("wrong key", smartflow.AuthenticationError, lambda: stranger.chat("Hello"))
        _expect("wrong port", smartflow.ConnectionError, lambda: lost.chat("Hello"))
    return "four mistakes, each with its own exception"


def many_at_once(tour: Tour) -> str:
    questions = ("What is a REST API?", "What is a queue?", "What is an index?")

    async def ask() -> list[str]:
        async with SmartflowClient(api_key=tour.key, **tour.place) as sf:
            alice = sf.with_options(user_id=USER, conversation_id=CONVERSATION, timeout=20)
            return list(await asyncio.gather(*(alice.chat(question, model="gpt-4o-mini") for question in questions)))

    answers = asyncio.run(ask())
    for question, answer in zip(questions, answers, strict=True):
        tell(question.removeprefix("What is ").rstrip("?"), textwrap.shorten(answer, WIDTH - 18, placeholder="..."))
        check(question in answer, "an answer belongs to another question")
    return f"{len(answers)} answers to {len(questions)} calls in parallel"


def stream_chunks(tour: Tour) -> str:
    async def read() -> tuple[int, Usage | None, str | None]:
        async with SmartflowClient(api_key=tour.key, **tour.place) as sf:
            messages = [{"role": "user", "content": "Count to three"}]
            stream, writer, chunks = await sf.chat_completions(messages, stream=True), Writer(), 0
            async for chunk in stream:
                chunks += 1
                if chunk.content:
                    writer.write(chunk.content)
            print()
            return chunks, stream.usage, stream.response.finish_reason

    chunks, usage, reason = asyncio.run(read())
    check(usage is not None and usage.total_tokens > 0, "the last chunk must carry the usage")
    check(reason == "stop", "the stream must say why it ended")
    assert usage is not None
    tell("chunks", f"{chunks}, {_tokens(usage)}, finish reason {reason}")
    return f"{chunks} typed chunks with usage and finish reason"


def provider_health(tour: Tour) -> str:
    providers = tour.sf.get_provider_health()
    head = ("provider", "status", "calls", "latency ms", "errors")
    rows = [
        (one.provider, one.status, one.requests_total, f"{one.latency_ms:.1f}", one.error_rate) for one in providers
    ]
    table(head, rows, right="calls latency ms errors")
    whole = tour.sf.health_comprehensive()
    tell("gateway", f"{whole.status}, version {whole.version}, up for {whole.uptime_seconds} s")
    by_name = {one.provider: one for one in providers}
    check("openai" in by_name and by_name["openai"].requests_total >= 6, "openai must be listed with its calls")
    check(whole.status == "healthy", "the gateway must be healthy")
    return f"{_plural(len(providers), 'provider')}, gateway {whole.status}"


def cache_stats(tour: Tour) -> str:
    stats = tour.sf.get_cache_stats()
    tell("look-ups", f"{stats.hits + stats.misses}: {_plural(stats.hits, 'hit')}, {stats.misses} missed")
    tell(
        "hit rate", f"{stats.hit_rate:.1%}, {_plural(stats.tokens_saved, 'token')} saved, {stats.entries} answers kept"
    )
    check(stats.hits == 1 and stats.tokens_saved > 0, "exactly one call was a cache hit, and it saved tokens")
    check(math.isclose(stats.hit_rate, stats.hits / (stats.hits + stats.misses)), "the hit rate does not add up")
    return f"hit rate {stats.hit_rate:.1%}, {_plural(stats.tokens_saved, 'token')} saved"


def audit_log(tour: Tour) -> str:
    rows = tour.sf.get_logs(limit=50)
    table(("time", "type", "provider", "model", "tokens", "notes"), map(_audit_row, rows[:10]), right="tokens")
    tell("rows", f"{len(rows)} in all, newest first; the last 10 are shown")
    tell("cost", f"{sum(row.cost for row in rows):.5f} US dollars, at list prices")
    by_id = {row.request_id: row for row in rows}
    check(tour.first_request in by_id, "the first call must be in the log under its request id")
    check(sum(row.cached for row in rows) == 1, "exactly one row must be a cache hit")
    ours = [row for row in rows if row.user_id == USER and row.conversation_id == CONVERSATION]
    check(len(ours) == 3, "the three calls in parallel must stand under their user and conversation")
    check(any(row.compliance_status == "violated" for row in rows), "the scan must stand in the log as a violation")
    check(any(not row.metrics.success for row in rows), "the refused call must stand in the log")
    return f"{len(rows)} rows, every call of this demo among them"


def _audit_row(row: VASLog) -> tuple[object, ...]:
    notes = "cache hit" if row.cached else ""
    if row.compliance.pii_detected:
        notes = _plural(len(row.compliance.pii_detected), "finding")
    elif not row.metrics.success:
        notes = "refused"
    model = textwrap.shorten(row.model or "-", 22, placeholder="...")
    return row.timestamp[11:19], row.content_type, row.provider, model, row.tokens_used or "-", notes


def nothing_in_the_clear(tour: Tour) -> str:
    # The database is closed, so that all of it is in the files.
    tour.sf.close()
    tour.gateway.stop()
    data = tour.folder / "gateway"
    files = sorted(path for path in data.rglob("*") if path.is_file())
    table(
        ("file", "bytes", "rights"),
        [(path.name, path.stat().st_size, f"{path.stat().st_mode & 0o777:04o}") for path in files],
        "bytes",
    )
    content = b"".join(path.read_bytes() for path in files)
    check(b"Explain Docker" in content, "the database must hold the demo's calls")
    for secret, name in ((CARD, "card number"), (SSN, "SSN"), (PHONE, "phone number"), (tour.key, "gateway's key")):
        for spelling in (secret, secret.replace("-", "")):
            check(spelling.encode() not in content, f"the {name} must not stand in the gateway's files")
    check(
        all(path.stat().st_mode & 0o077 == 0 for path in files), "others must not be able to read the gateway's files"
    )
    tell("searched for", "the card number, the SSN, the phone number and the gateway's key: none is there")
    return f"{_plural(len(files), 'file')}, no secret in them"


STEPS: tuple[tuple[str, Callable[[Tour], str]], ...] = (
    ("Chat", chat),
    ("The same chat again", chat_again),
    ("Streaming", stream),
    ("Embeddings of a batch", embed),
    ("Transcription of a wav", transcribe),
    ("Scan for personal data", scan),
    ("Redaction", redact),
    ("Errors that help", errors),
    ("Async: calls in parallel", many_at_once),
    ("Async: typed chunks", stream_chunks),
    ("Health of the providers", provider_health),
    ("Cache statistics", cache_stats),
    ("The audit log", audit_log),
    ("What the gateway stored", nothing_in_the_clear),
)


def _expect(what: str, kind: type[SmartflowError], call: Callable[[], object]) -> None:
    try:
        call()
    except SmartflowError as error:
        check(isinstance(error, kind), f"{what}: expected {kind.__name__}, got {type(error).__name__}")
        tell(what, f"{kind.__name__}: {error}")
    else:
        raise DemoFailed(f"{what}: nothing was raised, {kind.__name__} was expected")


def _tokens(usage: Usage) -> str:
    return f"{usage.prompt_tokens} + {usage.completion_tokens} = {_plural(usage.total_tokens, 'token')}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))


def _write_wav(path: Path) -> None:
    """Two tones with a pause between them."""
    count = int(SECONDS * RATE)
    tones = (440 if at < count * 0.4 else 660 if at >= count * 0.6 else 0 for at in range(count))
    samples = array("h", (int(8_000 * math.sin(2 * math.pi * tone * at / RATE)) for at, tone in enumerate(tones)))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def run(folder: Path) -> list[tuple[str, str, float]]:
    """Take all steps; returns name, result and seconds of each."""
    key, done = f"sk-sf-{secrets.token_hex(8)}", []
    with LocalGateway(api_key=key, data_dir=str(folder / "gateway")) as gateway:
        print(f"Local gateway at {gateway.url}; no provider key, so no model is asked")
        place = place_of(gateway)
        with SyncSmartflowClient(api_key=key, **place) as sf:
            tour = Tour(gateway, folder, key, place, sf)
            for number, (title, step) in enumerate(STEPS, 1):
                print(f"\n{number:>2}. {title}\n", flush=True)
                started = time.perf_counter()
                try:
                    result = step(tour)
                except (DemoFailed, SmartflowError) as error:
                    raise DemoFailed(f"step {number} ({title}): {error}") from error
                done.append((title, result, time.perf_counter() - started))
    return done


def main() -> int:
    """Run the demo; 0 when everything was as it must be."""
    started = time.perf_counter()
    print(f"Smartflow SDK {smartflow.__version__}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="smartflow-demo-") as name:
        try:
            done = run(Path(name))
        except (DemoFailed, GatewayStartError) as error:
            print(f"\ndemo: FAILED: {error}", flush=True)
            return 1
        except KeyboardInterrupt:
            print("\ndemo: stopped before its end", flush=True)
            return 130
    print("\nSummary\n")
    table(("step", "result", "ms"), [(title, result, f"{took * 1000:.0f}") for title, result, took in done], right="ms")
    print(f"\ndemo: OK, {len(done)} steps in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
