"""The conversation of `smartflow chat` on a terminal."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING, Dict, List, Optional

from smartflow.cli.chat import arguments, opening
from smartflow.cli.common import INTERRUPTED, OK, for_terminal, one_line

if TYPE_CHECKING:
    from smartflow import AIResponse, SyncChatStream, SyncSmartflowClient

__all__ = ["converse"]

_WELCOME = "Talking with {model}. /model NAME changes the model, /clear forgets the conversation, /exit or Ctrl-D ends."
_COMMANDS = "the commands are /model [NAME], /clear, /exit; // begins a message with a /"


def converse(sf: SyncSmartflowClient, options: argparse.Namespace) -> int:
    """Hold a conversation until its user ends it; returns the exit status."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - its import gives input() history and line editing
    print(_WELCOME.format(model=options.model))
    return _Conversation(sf, options).hold()


class _Conversation:
    """What was said so far. It is kept in memory only: a file of it could hold what must not be stored."""

    def __init__(self, sf: SyncSmartflowClient, options: argparse.Namespace) -> None:
        self._sf = sf
        self._options = options
        self._messages: List[Dict[str, str]] = opening(options)
        self._interrupts = 0

    def hold(self) -> int:
        """Ask and answer until the end; two Ctrl-C in a row end it, too."""
        while True:
            try:
                line = input("> ").strip()
                self._interrupts = 0
                if line in ("/exit", "/quit"):
                    return OK
                self._take(line)
            except EOFError:
                print()
                return OK
            except KeyboardInterrupt:
                self._interrupts += 1
                print()
                if self._interrupts > 1:
                    return INTERRUPTED
                print("(Ctrl-C again ends)")

    def _take(self, line: str) -> None:
        if line.startswith("/") and not line.startswith("//"):
            self._command(line)
        elif line:
            self._answer(line[1:] if line.startswith("//") else line)

    def _command(self, line: str) -> None:
        name, _, value = line.partition(" ")
        if name == "/clear":
            self._messages = opening(self._options)
            print("(forgotten)")
        elif name == "/model":
            self._options.model = value.strip() or self._options.model
            print(f"(model {self._options.model})")
        else:
            print(f"({_COMMANDS})")

    def _answer(self, text: str) -> None:
        from smartflow import SmartflowError

        self._messages.append({"role": "user", "content": text})
        said: Optional[str] = None
        try:
            said = self._stream()
        except SmartflowError as error:
            print(f"smartflow chat: {one_line(str(error))}", file=sys.stderr)
        finally:
            if said is None:
                # A question without an answer would be answered together with the next one.
                self._messages.pop()
            else:
                self._messages.append({"role": "assistant", "content": said})

    def _stream(self) -> str:
        if not self._options.stream:
            answer: AIResponse = self._sf.chat_completions(self._messages, **arguments(self._options), stream=False)
            print(for_terminal(answer.content))
            return answer.content
        opened: SyncChatStream = self._sf.chat_completions(self._messages, **arguments(self._options), stream=True)
        with opened as stream:
            try:
                for chunk in stream:
                    print(for_terminal(chunk.content), end="", flush=True)
            finally:
                if stream.text:
                    print()
            return stream.text
