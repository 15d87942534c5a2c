"""Conversations on a terminal, and what Ctrl-C does there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any, Callable, Dict

from .conftest import INTERRUPT, SECONDS, EndlessAnswer, Run

Start = Callable[..., Any]
END = "\x04"


def test_a_conversation_remembers_until_it_is_told_to_forget(terminal: Start) -> None:
    talk = terminal("chat", "--system", "Be brief.")
    talk.wait_for("Talking with gpt-4o.")
    talk.wait_for("> ")
    for line, answer in (("First", "I see 2 messages"), ("Second", "I see 4 messages")):
        talk.type(f"{line}\n")
        talk.wait_for(answer)
        talk.wait_for("> ")
    talk.type("/clear\n")
    talk.wait_for("(forgotten)")
    talk.type("/model gpt-4o-mini\n")
    talk.wait_for("(model gpt-4o-mini)")
    talk.type("Third\n")
    talk.wait_for("[offline gpt-4o-mini]")
    talk.wait_for("I see 2 messages")
    talk.type("/what\n")
    talk.wait_for("(the commands are")
    talk.type("//slash\n")
    talk.wait_for('You wrote: "/slash"')
    talk.type("/exit\n")
    assert talk.end() == 0


def test_the_end_of_input_ends_a_conversation(terminal: Start) -> None:
    talk = terminal("chat", "--no-stream")
    talk.wait_for("> ")
    talk.type("Hello\n")
    talk.wait_for("I see 1 message.")
    talk.wait_for("> ")
    talk.type(END)
    assert talk.end() == 0


def test_an_error_does_not_end_a_conversation(terminal: Start) -> None:
    talk = terminal("chat", SMARTFLOW_API_KEY="sk-wrong")
    talk.wait_for("> ")
    talk.type("Hello\n")
    talk.wait_for("smartflow chat: ")
    assert "401" in talk.wait_for("> ")
    talk.type("/exit\n")
    assert talk.end() == 0


def test_the_first_interrupt_stops_the_answer_and_the_second_ends(terminal: Start, endless: EndlessAnswer) -> None:
    talk = terminal("chat", SMARTFLOW_GATEWAY_URL=endless.url)
    talk.wait_for("> ")
    talk.type("A story\n")
    talk.wait_for("Once upon a ")
    talk.type(INTERRUPT)
    talk.wait_for("(Ctrl-C again ends)")
    assert endless.gone.wait(SECONDS), "the connection was kept"
    talk.wait_for("> ")
    assert talk.interrupt() == 130
    assert "Traceback" not in talk.shown


def test_an_answer_cannot_give_orders_to_the_terminal(terminal: Start, endless: EndlessAnswer) -> None:
    talk = terminal("chat", "A story", SMARTFLOW_GATEWAY_URL=endless.url)
    talk.wait_for("[31mtime")
    assert talk.interrupt() == 130
    assert "\x1b[31m" not in talk.shown
    assert "Traceback" not in talk.shown


def test_followed_logs_go_on_until_an_interrupt(environment: Dict[str, str], smartflow: Run) -> None:
    command = [
        sys.executable,
        "-m",
        "smartflow.cli.main",
        "logs",
        "--follow",
        "--interval",
        "0.1",
        "--json",
        "--limit",
        "1",
    ]
    first = json.loads(smartflow("chat", "--json", "Before").stdout)["request_id"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert json.loads(process.stdout.readline())["request_id"] == first
        for text in ("Later", "Later still"):
            written = json.loads(smartflow("chat", "--json", text).stdout)["request_id"]
            assert json.loads(process.stdout.readline())["request_id"] == written
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 130
        assert process.stdout.read() + process.stderr.read() == ""
