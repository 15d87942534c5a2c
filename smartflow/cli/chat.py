"""`smartflow chat`: one question and its answer, or a conversation."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Dict, List

from smartflow.cli.common import (
    OK,
    UsageError,
    command_parser,
    for_terminal,
    make_client,
    positive_int,
    print_json,
    read_text,
)

if TYPE_CHECKING:
    from smartflow import AIResponse, SyncSmartflowClient


def make_parser() -> argparse.ArgumentParser:
    """The parser of its options."""
    parser = command_parser(
        "chat",
        "Prints the answer of a model. Without a message it reads one from standard input, and on a terminal it holds a conversation.",
    )
    parser.add_argument("message", nargs="?", metavar="MESSAGE", help="what to say; - reads standard input")
    parser.add_argument("--model", default="gpt-4o", metavar="NAME", help="the model (default: %(default)s)")
    parser.add_argument("--system", metavar="TEXT", help="instructions for the model")
    parser.add_argument("--temperature", type=float, metavar="NUMBER", help="0 is the most predictable")
    parser.add_argument("--max-tokens", type=positive_int, metavar="N", help="at most N tokens of answer")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--stream",
        action="store_true",
        default=None,
        help="print the answer while it comes (default: when standard output is a terminal)",
    )
    form.add_argument("--no-stream", dest="stream", action="store_false", help="print the answer when it is complete")
    form.add_argument("--json", action="store_true", help="print the whole answer as a JSON object")
    return parser


def run(options: argparse.Namespace) -> int:
    """Print the answer, or hold a conversation; returns the exit status."""
    if options.stream is None:
        options.stream = sys.stdout.isatty() and not options.json
    if options.message is None and sys.stdin.isatty():
        if options.json:
            raise UsageError("--json prints one answer: give a message")
        from smartflow.cli.repl import converse

        with make_client(options) as sf:
            return converse(sf, options)
    message = options.message if options.message not in (None, "-") else read_text()
    if not message.strip():
        raise UsageError("the message is empty")
    with make_client(options) as sf:
        _ask(sf, options, [*opening(options), {"role": "user", "content": message}])
    return OK


def opening(options: argparse.Namespace) -> List[Dict[str, str]]:
    """The messages that every conversation begins with."""
    return [{"role": "system", "content": options.system}] if options.system else []


def arguments(options: argparse.Namespace) -> Dict[str, Any]:
    """The arguments of a chat call; what was not given is left to the client."""
    given = {"temperature": options.temperature, "max_tokens": options.max_tokens}
    return {"model": options.model, **{name: value for name, value in given.items() if value is not None}}


def _ask(sf: SyncSmartflowClient, options: argparse.Namespace, messages: List[Dict[str, str]]) -> None:
    if not options.stream:
        answer = sf.chat_completions(messages, **arguments(options), stream=False)
        if options.json:
            print_json(_facts(answer))
        else:
            print(for_terminal(answer.content))
        return
    wrote = False
    with sf.chat_completions(messages, **arguments(options), stream=True) as stream:
        try:
            for chunk in stream:
                print(for_terminal(chunk.content), end="", flush=True)
                wrote = wrote or bool(chunk.content)
        finally:
            # What comes next, be it an error, begins on a line of its own.
            if wrote:
                print()


def _facts(answer: AIResponse) -> Dict[str, Any]:
    return {
        "content": answer.content,
        "model": answer.model,
        "provider": answer.provider or answer.headers.get("x-smartflow-provider"),
        "finish_reason": answer.finish_reason,
        "usage": answer.usage.to_dict(),
        "cached": answer.cached,
        "request_id": answer.request_id,
    }
