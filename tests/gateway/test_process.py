"""The gateway as a process: the ready line, its options, its end, and LocalGateway."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys

import httpx
import pytest

from smartflow.testing import GatewayStartError, LocalGateway

FREE = ["--port=0", "--management-port=0", "--compliance-port=0", "--bridge-port=0"]


def serve(*options, **popen):
    command = [sys.executable, "-m", "smartflow.gateway", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen)


def fails(*options):
    process = serve(*options)
    out, err = process.communicate(timeout=30)
    assert out == ""
    return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_ready_line_and_ends_cleanly(tmp_path, number):
    ready = tmp_path / "ready.json"
    with serve(*FREE, "--data-dir", str(tmp_path / "data"), "--ready-file", str(ready)) as process:
        line = process.stdout.readline()
        try:
            urls = json.loads(line)
            assert sorted(urls) == ["bridge", "compliance", "management", "proxy"]
            assert json.loads(ready.read_text()) == urls
            for url, path in zip(
                urls.values(),
                ("/health/liveliness", "/api/metacache/stats", "/api/compliance/intelligent/stats", "/api/redis/logs"),
                strict=True,
            ):
                assert httpx.get(url + path, trust_env=False).status_code == 200
        finally:
            process.send_signal(number)
        rest, err = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")
    assert "Traceback" not in err
    assert not ready.exists()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert {"gateway.sqlite3", "archive.sqlite3", "audit.key", "compliance.key"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_broken_policy_file_stops_the_start_with_its_name_and_key(tmp_path):
    (tmp_path / "house.yaml").write_text("name: house\ndescription: Ours.\nmin_confidence: 7\n")
    status, err = fails(*FREE, "--memory", "--policy-dir", str(tmp_path))
    assert status == 1
    assert "house.yaml: the file lacks 'thresholds'" in err and "Traceback" not in err


def test_a_compliance_policy_that_is_not_there_stops_the_start(tmp_path):
    status, err = fails(*FREE, "--memory", "--compliance", "block", "--compliance-policy", "nonsense")
    assert status == 1
    assert "there is no policy 'nonsense'; known are enterprise_standard" in err


def test_a_taken_port_is_named_with_its_option():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, err = fails(
            "--memory", "--port=0", "--management-port", str(port), "--compliance-port=0", "--bridge-port=0"
        )
    assert status == 1
    assert str(port) in err
    assert "--management-port" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.com", "::"])
def test_an_address_that_others_can_reach_is_refused(host):
    status, err = fails("--memory", *FREE, "--host", host)
    assert status == 2
    assert f"--host {host} is refused" in err


def test_a_folder_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    status, err = fails(*FREE, "--data-dir", str(tmp_path / "file"))
    assert status == 1
    assert "--data-dir" in err
    assert "Traceback" not in err


def test_data_outlives_the_process(tmp_path):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "again"}]}
    for cached in (False, True):
        with LocalGateway(data_dir=str(tmp_path)) as gateway:
            answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, trust_env=False)
            assert answer.json()["cached"] is cached


def test_local_gateway_passes_no_provider_of_the_developer_on(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-developers-own")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
    with LocalGateway() as gateway:
        answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=body, trust_env=False)
    assert "offline" in answer.json()["choices"][0]["message"]["content"]


def test_local_gateway_asks_for_the_key_that_it_was_given():
    with LocalGateway(api_key="sk-sf-test") as gateway:
        url = f"{gateway.management_url}/api/routing/status"
        assert httpx.get(url, trust_env=False).status_code == 401
        assert httpx.get(url, headers={"authorization": "Bearer sk-sf-test"}, trust_env=False).status_code == 200
        assert "sk-sf-test" not in gateway.log


def test_local_gateway_shows_what_the_gateway_wrote_when_it_does_not_start():
    with pytest.raises(GatewayStartError, match="--host 10.0.0.1 is refused"):
        LocalGateway(options=["--host=10.0.0.1"]).start()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux to watch a process that is no child")
def test_the_gateway_ends_when_its_parent_dies():
    script = (
        "import os, sys\nfrom smartflow.testing import LocalGateway\n"
        "gateway = LocalGateway().start()\nprint(gateway._process.pid, flush=True)\nos._exit(9)\n"
    )
    parent = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    try:
        handle = os.pidfd_open(int(parent.stdout))
    except ProcessLookupError:
        return
    try:
        # The descriptor becomes readable when the process ends.
        ended, _, _ = select.select([handle], [], [], 20)
    finally:
        os.close(handle)
    assert ended


def test_the_plugin_imports_neither_httpx_nor_the_gateway():
    script = (
        "import sys\nimport smartflow.testing.plugin\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('httpx', 'pydantic', 'starlette') or name.startswith('smartflow.gateway')])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60, check=True
        ).stdout.strip()
        == "[]"
    )


def test_the_command_tells_its_version():
    from smartflow import _version

    done = subprocess.run(
        [sys.executable, "-m", "smartflow.cli.main", "--version"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == f"smartflow-sdk {_version.__version__}"


def test_the_fixture_gives_a_running_gateway(smartflow_gateway):
    assert httpx.get(f"{smartflow_gateway.url}/health/liveliness", trust_env=False).json()["status"] == "ok"
