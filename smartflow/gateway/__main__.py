"""`python -m smartflow.gateway`: the same as `smartflow serve`."""

from __future__ import annotations

import sys

from smartflow.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
