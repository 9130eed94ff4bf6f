"""Configuration, reload, draining, keys at run time, the page, and many workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from reliant.cli.gateway import gateway as command
from reliant.errors import ConfigError
from reliant.gateway.config import parse_config
from support.gateway_rig import config, gateway, get, post, providers

KEY = {"authorization": "Bearer sk-test"}
SMALLEST = """[listen]
host = "127.0.0.1"
port = 8089
[place]
country = "US"
[[upstream]]
name = "mock"
provider = "openai"
base_url = "http://127.0.0.1:9009/v1"
api_key = "sk-upstream"
timeout_s = 4
[[key]]
name = "test"
secret = "sk-test"
[[route]]
model = "*"
upstreams = ["mock"]
retries = 0
"""


def test_the_smallest_configuration_is_read() -> None:
    read = parse_config(SMALLEST, Path("gateway.toml"), {})

    assert read.listen.host == "127.0.0.1"
    assert read.upstream[0].timeout_s == 4
    assert read.route[0].retries == 0


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("port = 8089", "port = 'x'", 3, "Expected `int`"),
        ("port = 8089", "prot = 8089", 3, "unknown field `prot`"),
        ("port = 8089", "port = = 1", 3, "Invalid value"),
        ('country = "US"', 'country = "us"', 5, "not a country code"),
        ('"http://127.0.0.1:9009/v1"', '"http://api.example.org/v1"', 9, "clear text"),
        ('"http://127.0.0.1:9009/v1"', '"ftp://x"', 9, "not an http"),
        ('upstreams = ["mock"]', 'upstreams = ["muck"]', 17, "no upstream 'muck'"),
        ('api_key = "sk-upstream"', 'api_key_env = "NOT_SET"', 10, "no NOT_SET"),
        ('secret = "sk-test"', "", 12, "needs either"),
        ("timeout_s = 4", "timeout_s = 0", 11, "greater than 0"),
        ('model = "*"', 'model = "*"\nmodel = "*"', 17, "Cannot overwrite"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        parse_config(SMALLEST.replace(old, new), Path("gateway.toml"), {})

    assert caught.value.line == line


def test_a_provider_that_the_atlas_does_not_know_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "g.toml").write_text(SMALLEST.replace('"openai"', '"opanai"'))

    result = CliRunner().invoke(command, ["check", "--config", str(tmp_path / "g.toml")])

    assert isinstance(result.exception, ConfigError)
    assert result.exception.line == 8
    assert "openai" in result.exception.hint


def test_check_says_what_a_key_may_reach(tmp_path: Path) -> None:
    (tmp_path / "g.toml").write_text(SMALLEST)

    result = CliRunner().invoke(command, ["check", "--config", str(tmp_path / "g.toml")])

    assert result.exit_code == 0, result.exception
    assert "key test, in US" in result.output
    assert "mock:" in result.output


def test_a_reload_changes_the_rules_without_losing_a_request(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house"\nsummary = "S."\nwhen = { provider = "openai" }\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        slow: list[int] = []

        def ask(model: str) -> int:
            body = {"model": model, "messages": []}
            url = f"{running.url}/v1/chat/completions"
            return post(url, json=body, headers=KEY, timeout=5).status_code

        thread = threading.Thread(target=lambda: slow.append(ask("slow-400")), daemon=True)
        thread.start()
        while "slow-400" not in mock.models():
            time.sleep(0.01)
        running.config.write_text(config(mock, more=rule))
        reloaded = post(f"{running.url}/admin/reload", headers=KEY)
        after = ask("gpt-4o")
        running.config.write_text("[listen]\nport = 'x'\n")
        refused = post(f"{running.url}/admin/reload", headers=KEY)
        still = ask("gpt-4o")
        thread.join()

    assert (reloaded.status_code, after, slow) == (200, 403, [200])
    assert (refused.status_code, still) == (409, 403)
    assert "gateway.toml:2" in refused.json()["error"]["message"]


def test_a_key_made_at_run_time_works_is_rotated_and_ends(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        admin = httpx.Client(base_url=running.url, headers=KEY)

        def status(secret: str) -> int:
            headers = {"authorization": f"Bearer {secret}"}
            body = {"model": "gpt-4o", "messages": []}
            return post(f"{running.url}/v1/chat/completions", json=body, headers=headers).status_code

        made = admin.post("/admin/keys", json={"name": "new", "models": ["gpt-*"]}).json()["secret"]
        rotated = admin.post("/admin/keys/new/rotate").json()["secret"]
        both = [status(made), status(rotated)]
        admin.delete("/admin/keys/new")
        after = [status(made), status(rotated)]
        again = admin.post("/admin/keys", json={"name": "test"})
        admin.close()
        store = (tmp_path / "state" / "gateway.sqlite").read_bytes()
        changes = [one["what"] for one in running.records() if one["kind"] == "change"]

    assert (both, after) == ([200, 200], [401, 401])
    assert again.status_code == 409
    assert made.encode() not in store
    assert changes == ["key made", "key rotated", "key revoked"]


def test_the_admin_side_is_closed_to_everybody_else(tmp_path: Path) -> None:
    more = '[[key]]\nname = "plain"\nsecret = "sk-plain"\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=more)) as running:
        for headers in ({}, {"authorization": "Bearer sk-plain"}):
            assert get(f"{running.url}/admin/state", headers=headers).status_code == 401
            assert post(f"{running.url}/admin/reload", headers=headers).status_code == 401
        page = get(f"{running.url}/admin")
        state = get(f"{running.url}/admin/state", headers=KEY).json()

    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("httpx", "")
    assert state["upstreams"][0]["name"] == "mock"


def test_metrics_are_in_the_format_prometheus_reads(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        post(f"{running.url}/v1/chat/completions", json={"model": "m", "messages": []}, headers=KEY)
        text = get(f"{running.url}/metrics").text

    found = {family.name: family for family in text_string_to_metric_families(text)}
    (sample,) = found["reliant_gateway_requests"].samples
    assert (sample.labels["upstream"], sample.labels["status"], sample.value) == ("mock", "200", 1)
    seconds = found["gen_ai_client_operation_duration_seconds"]
    assert next(one.value for one in seconds.samples if one.name.endswith("_count")) == 1


def serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "reliant", "gateway", "serve", "--config", str(folder / "gateway.toml")]
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)
    for _ in range(400):
        assert process.poll() is None, "the gateway did not start"
        try:
            if get(f"http://127.0.0.1:{port}/health").status_code == 200:
                break
        except httpx.HTTPError:
            time.sleep(0.02)
    return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(audit: Path, part: str, count: int) -> list[str]:
    """Return the file of each line that holds `part`, once there are so many."""
    found: list[str] = []
    for _ in range(150):
        files = sorted(audit.glob("*.jsonl"))
        found = [file.name for file in files for line in file.read_text().splitlines() if part in line]
        if len(found) >= count:
            break
        time.sleep(0.02)
    return found


def test_two_workers_serve_one_port_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    port = free_port()
    with providers("mock") as (mock,):
        audit = tmp_path / "audit"
        text = config(mock, more=f'[audit]\npath = "{audit}"\n[listen]\nport = {port}\nworkers = 2\n')
        (tmp_path / "gateway.toml").write_text(text)
        process = serve(tmp_path, port)
        try:
            for _ in range(100):
                first = [line for file in audit.glob("*.jsonl") for line in file.read_text().splitlines()[:1]]
                pids = {json.loads(line)["r"]["pid"] for line in first}
                if len(pids) == 2:
                    break
                time.sleep(0.02)
            os.kill(min(pids), signal.SIGKILL)
            statuses = []
            for _ in range(20):
                body = {"model": "gpt-4o", "messages": []}
                try:
                    answer = post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, headers=KEY)
                    statuses.append(answer.status_code)
                except httpx.HTTPError:
                    statuses.append(0)
            openings = wait_for(audit, '"kind":"opening"', 3)
            reloaded = post(f"http://127.0.0.1:{port}/admin/reload", headers=KEY).status_code
            for _ in range(100):
                kept = wait_for(audit, '"what":"reloaded"', 2)
                if len(set(kept)) == 2:
                    break
                time.sleep(0.03)
        finally:
            process.terminate()
            _, said = process.communicate(timeout=15)

    assert len(pids) == 2
    assert statuses.count(200) >= 18
    assert len(openings) == 3
    assert reloaded == 200
    assert len(set(kept)) == 2, "a reload reaches every worker"
    assert b"starting it anew" in said
    result = CliRunner().invoke(command, ["audit", "verify", str(audit)])
    assert result.exit_code == 0, result.output


def test_a_request_in_flight_is_answered_before_the_gateway_stops(tmp_path: Path) -> None:
    port = free_port()
    with providers("mock") as (mock,):
        text = config(mock, more=f'[audit]\npath = "{tmp_path / "audit"}"\n[listen]\nport = {port}\n')
        (tmp_path / "gateway.toml").write_text(text.replace("drain_s = 1.0", "drain_s = 5.0"))
        process = serve(tmp_path, port)
        answers: list[int] = []

        def ask() -> None:
            body = {"model": "slow-500", "messages": []}
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            answers.append(post(url, json=body, headers=KEY).status_code)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        while "slow-500" not in mock.models():
            time.sleep(0.01)
        process.terminate()
        thread.join()
        process.communicate(timeout=10)

    assert answers == [200]
    assert process.returncode == 0
