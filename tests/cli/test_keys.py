"""`smartflow keys` against a real gateway, and in the folder of one that does not run yet."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from smartflow.testing import LocalGateway

from .conftest import Run

TEXT = re.compile(r"sk-sf-[0-9a-f]{48}")


def data_of(done: Any) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_key_lives_from_its_creation_to_its_end(smartflow: Run) -> None:
    made = data_of(
        smartflow(
            "keys", "create", "support bot", "--budget-usd", "25", "--budget-period", "monthly", "--rpm", "60", "--tpm", "90000",
            "--allow-model", "gpt-4o*", "--allow-model", "anthropic/*", "--expires", "90d", "--user-id", "bot", "--json",
        )
    )  # fmt: skip
    assert TEXT.fullmatch(made["key"])
    assert (made["rpm_limit"], made["allowed_models"], made["user_id"]) == (60, ["gpt-4o*", "anthropic/*"], "bot")
    assert smartflow("models", SMARTFLOW_API_KEY=made["key"]).returncode == 0
    listed = data_of(smartflow("keys", "list", "--json"))
    (found,) = [key for key in listed if key["key_id"] == made["key_id"]]
    assert "key" not in found and found["status"] == "active"
    changed = data_of(
        smartflow(
            "keys", "update", made["key_id"], "--budget-usd", "50", "--clear", "rpm_limit", "--name", "bot", "--json"
        )
    )
    assert (changed["budget_usd"], changed["rpm_limit"], changed["name"]) == (50, None, "bot")
    shown = smartflow("keys", "show", made["key_id"]).stdout
    assert re.search(r"^status +active$", shown, re.M) and re.search(
        r"^allowed_models +gpt-4o\*, anthropic/\*$", shown, re.M
    )
    assert re.search(r"^status +revoked$", smartflow("keys", "revoke", made["key_id"]).stdout, re.M)
    refused = smartflow("models", SMARTFLOW_API_KEY=made["key"])
    assert refused.returncode == 1 and "was revoked" in refused.stderr
    assert made["key"] not in refused.stderr + shown


def test_only_the_text_goes_to_standard_output(smartflow: Run) -> None:
    made = smartflow("keys", "create", "for a script")
    assert TEXT.fullmatch(made.stdout.strip())
    assert "it is not shown again" in made.stderr and not TEXT.search(made.stderr)
    table = smartflow("keys", "list").stdout
    assert "for a script" in table and not TEXT.search(table)


@pytest.mark.skipif(not importlib.util.find_spec("pydantic"), reason="this Python has not the gateway's packages")
def test_the_first_admin_key_is_made_in_the_folder_of_the_data(smartflow: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    early = smartflow("keys", "create", "plain", "--data-dir", str(folder))
    assert early.returncode == 2 and "must be an admin's" in early.stderr
    admin = smartflow("keys", "create", "operations", "--admin", "--data-dir", str(folder)).stdout.strip()
    with LocalGateway(data_dir=str(folder)) as gateway:
        urls = gateway.environment
        assert smartflow("models", **{**urls, "SMARTFLOW_API_KEY": ""}).returncode == 1
        made = data_of(smartflow("keys", "create", "bot", "--json", **{**urls, "SMARTFLOW_API_KEY": admin}))
        assert smartflow("models", **{**urls, "SMARTFLOW_API_KEY": made["key"]}).returncode == 0
        # Beside the running gateway too: that is how one gets in again who has lost the last admin key.
        again = smartflow("keys", "create", "again", "--admin", "--data-dir", str(folder)).stdout.strip()
        assert smartflow("keys", "list", **{**urls, "SMARTFLOW_API_KEY": again}).returncode == 0
        assert admin not in gateway.log and made["key"] not in gateway.log


def test_the_first_admin_key_is_made_at_an_open_gateway_too(smartflow: Run) -> None:
    with LocalGateway() as gateway:
        urls = {**gateway.environment, "SMARTFLOW_API_KEY": ""}
        assert smartflow("models", **urls).returncode == 0
        admin = smartflow("keys", "create", "operations", "--admin", **urls).stdout.strip()
        assert smartflow("models", **urls).returncode == 1
        assert smartflow("models", **{**urls, "SMARTFLOW_API_KEY": admin}).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("create",), "the NAME"),
        (("list", "vk_1"), "no argument"),
        (("show",), "a KEY_ID"),
        (("update", "vk_1"), "at least one thing"),
        (("revoke", "vk_1", "--rpm", "5"), "does not take"),
        (("create", "x", "--clear", "rpm_limit"), "does not take"),
        (("create", "x", "--expires", "tomorrow"), "must be like"),
        (("create", "x", "--budget-usd", "-1"), "US dollars"),
        (("create", "x", "--budget-period", "hourly"), "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_sent(here: Run, arguments: Any, hint: str) -> None:
    done = here("keys", *arguments)
    assert done.returncode == 2
    assert hint in done.stderr
