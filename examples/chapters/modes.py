"""Where a client gets its gateway from, in which mode it then is, and what direct mode says to what only a gateway can do."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smartflow import SmartflowClient
from smartflow.direct import DirectModeError

URL = os.environ["SMARTFLOW_GATEWAY_URL"]


@contextmanager
def surroundings(**settings: str) -> Iterator[None]:
    """Nothing that names a gateway, but these settings."""
    before = dict(os.environ)
    try:
        for name in ("SMARTFLOW_GATEWAY_URL", "SMARTFLOW_URL", "SMARTFLOW_API_KEY"):
            os.environ.pop(name, None)
        os.environ.update({"SMARTFLOW_CONFIG": os.devnull, **settings})
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def select(folder: Path) -> None:
    """The argument comes first, then the environment, then the file; without any of them providers are called directly."""
    file = folder / "config.yaml"
    file.write_text(f"gateway_url: {URL}\n")
    file.chmod(0o600)
    with surroundings():
        tell("argument", SmartflowClient(URL, api_key="sk-sf-example"))
    with surroundings(SMARTFLOW_GATEWAY_URL=URL):
        tell("environment", SmartflowClient())
    with surroundings(SMARTFLOW_CONFIG=str(file)):
        tell("file", SmartflowClient())
    with surroundings():
        tell("nothing", SmartflowClient())


def tell(source: str, sf: SmartflowClient) -> None:
    print(f"{source}: {sf.mode} {sf.is_gateway_mode()}")


async def without_gateway() -> None:
    """What only a gateway can do is an error that says what a gateway brings."""
    with surroundings():
        sf = SmartflowClient()
    try:
        await sf.get_logs()
    except DirectModeError as error:
        print(error)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        select(Path(made))
    asyncio.run(without_gateway())
