"""The `smartflow` command: finds the module of a command, hands the other arguments over, and turns its end into an exit status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from typing import Any, Dict, List, Optional, Tuple

from smartflow._version import __version__
from smartflow.cli.common import FAILURE, INTERRUPTED, USAGE, UsageError, one_line

__all__ = ["COMMANDS", "main", "make_parser"]

# Command: module, lowest Python version, one line of help. Modules are imported only when they are called.
COMMANDS: Dict[str, Tuple[str, Tuple[int, int], str]] = {
    "status": ("smartflow.cli.status", (3, 9), "what is configured, what can be reached, whether the key is accepted"),
    "chat": ("smartflow.cli.chat", (3, 9), "ask a model; without a message, talk with it"),
    "models": ("smartflow.cli.models", (3, 9), "the models that can be called"),
    "keys": ("smartflow.cli.keys", (3, 9), "virtual keys: who may call, and for how much"),
    "logs": ("smartflow.cli.logs", (3, 9), "rows of the audit log"),
    "stats": ("smartflow.cli.stats", (3, 9), "figures of the cache and of each provider"),
    "scan": ("smartflow.cli.scan", (3, 9), "scan a text for what must not leave"),
    "redact": ("smartflow.cli.redact", (3, 9), "replace personal data in files or standard input"),
    "configure": ("smartflow.cli.configure", (3, 9), "set up the connection to a gateway"),
    "config": ("smartflow.cli.config", (3, 9), "show and change the settings"),
    "completion": ("smartflow.cli.completion", (3, 9), "a completion script for bash, zsh or fish"),
    "serve": ("smartflow.cli.serve", (3, 11), "run the local gateway"),
}


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line up to the name of the command."""
    lines = "\n".join(f"  {name:<12}{text}" for name, (_, _, text) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="smartflow",
        description="The command line of the Smartflow SDK.",
        epilog=f"commands:\n{lines}\n\n`smartflow COMMAND --help` tells the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"smartflow-sdk {__version__}")
    parser.add_argument("command", choices=sorted(COMMANDS), metavar="COMMAND", help="the command to run")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its options")
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run one command; returns its exit status."""
    name = "smartflow"
    try:
        given = make_parser().parse_args(argv)
        name = f"smartflow {given.command}"
        status = _run(given.command, given.arguments)
        # What cannot be written must show here, not while the interpreter ends.
        sys.stdout.flush()
        return status
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILURE
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; the interpreter must not try to flush into the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except UsageError as error:
        return _say(name, str(error), USAGE)
    except Exception as error:  # noqa: BLE001 - the last door: every failure becomes one line and a status
        return _failed(name, error)


def _run(command: str, arguments: List[str]) -> int:
    module_name, lowest, _ = COMMANDS[command]
    if sys.version_info < lowest:
        wanted = ".".join(map(str, lowest))
        return _say(f"smartflow {command}", f"needs Python {wanted} or newer: run it with one", FAILURE)
    try:
        module: Any = importlib.import_module(module_name)
        options = module.make_parser().parse_args(arguments)
        status: int = module.run(options)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("smartflow", "smartflow_generated"):
            raise
        cure = f"needs the package {error.name}: pip install 'smartflow-sdk[gateway]'"
        return _say(f"smartflow {command}", cure, FAILURE)
    return status


def _failed(name: str, error: Exception) -> int:
    from smartflow import ConfigError, SmartflowError, ValidationError

    if isinstance(error, SmartflowError):
        refused_before_sending = isinstance(error, (ConfigError, ValidationError)) and error.status_code is None
        return _say(name, str(error), USAGE if refused_before_sending else FAILURE)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return _say(name, f"{where}{error.strerror or type(error).__name__}", FAILURE)
    # The text of a foreign error may hold what was sent, so only its kind and place are told.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return _say(name, f"internal error ({type(error).__name__} in {place}): please report it", FAILURE)


def _say(name: str, message: str, status: int) -> int:
    print(f"{name}: {one_line(message)}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
