"""The `smartflow` command: finds the module of a command and hands the other arguments over."""

from __future__ import annotations

import argparse
import importlib
import sys

from smartflow._version import __version__

# Command: module, lowest Python version, one line of help. Modules are imported only when they are called.
_COMMANDS: dict[str, tuple[str, tuple[int, int], str]] = {
    "serve": ("smartflow.cli.serve", (3, 11), "run the local gateway"),
}
_FAILURE = 1


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    lines = "\n".join(f"  {name:<10}{text}" for name, (_, _, text) in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="smartflow",
        description="The command line of the Smartflow SDK.",
        epilog=f"commands:\n{lines}\n\n`smartflow COMMAND --help` tells the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"smartflow-sdk {__version__}")
    parser.add_argument("command", choices=sorted(_COMMANDS), metavar="COMMAND", help="the command to run")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its options")
    given = parser.parse_args(argv)
    module, lowest, _ = _COMMANDS[given.command]
    if sys.version_info < lowest:
        wanted = ".".join(map(str, lowest))
        print(f"smartflow {given.command} needs Python {wanted} or newer: run it with one", file=sys.stderr)
        return _FAILURE
    try:
        status: int = importlib.import_module(module).main(given.arguments)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("smartflow", "smartflow_generated"):
            raise
        print(
            f"smartflow {given.command} needs the package {error.name}: pip install 'smartflow-sdk[gateway]'",
            file=sys.stderr,
        )
        return _FAILURE
    return status


if __name__ == "__main__":
    sys.exit(main())
