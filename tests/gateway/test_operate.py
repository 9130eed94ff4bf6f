"""Configuration, reload, draining, keys at run time, the page, and many workers."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from reliant.cli.gateway import gateway as command
from reliant.errors import ConfigError
from reliant.gateway.audit.folder import writer_name
from reliant.gateway.config import parse_config
from support.gateway_process import Served, served
from support.gateway_provider import Provider, providers
from support.gateway_rig import PATIENCE_S, config, gateway, get, post, until

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
            return post(url, json=body, headers=KEY).status_code

        thread = threading.Thread(target=lambda: slow.append(ask("slow-400")), daemon=True)
        thread.start()
        until(lambda: "slow-400" in mock.models())
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
        admin = httpx.Client(base_url=running.url, headers=KEY, timeout=PATIENCE_S)

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


def test_the_live_page_shows_answers_and_refusals_and_makes_no_call_slower(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "house"\nsummary = "S."\nwhen = { model = ["denied*"] }\n'
    with providers("mock") as (mock,), gateway(tmp_path, config(mock, more=rule)) as running:
        for model in ("gpt-4o", "denied", "fault-500"):
            body = {"model": model, "messages": []}
            post(f"{running.url}/v1/chat/completions", json=body, headers=KEY)
        latest = get(f"{running.url}/admin/state", headers=KEY).json()["latest"]
        listeners = running.worker.gateway.journal.listeners

    assert [(one["model"], one["action"] == "refuse", one["status"]) for one in latest] == [
        ("fault-500", False, 500),
        ("denied", True, None),
        ("gpt-4o", False, 200),
    ]
    assert latest[1]["end"] == "reliant_policy_denied"
    assert listeners == [], "who listens to every call makes it go the long way"


def test_no_other_site_can_use_the_admin_side_or_frame_its_page(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        url, other = f"{running.url}/admin", {"origin": "https://evil.example"}
        page, state = get(url, headers=other), get(f"{url}/state", headers={**KEY, **other})
        asked = httpx.options(
            f"{url}/reload", headers={**other, "access-control-request-method": "POST"}, timeout=PATIENCE_S
        )
        # What a form of another site can send: no header of its own choice.
        simple = post(f"{url}/keys", content=b'{"name":"x"}', headers={"content-type": "text/plain", **other})
        in_query = get(f"{url}/state?key=sk-test&authorization=Bearer%20sk-test")
        by_cookie = get(f"{url}/state", headers={"cookie": "authorization=Bearer sk-test"})
        text = page.text

    for answer in (page, state, asked, simple):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert (asked.status_code, simple.status_code) == (405, 401)
    assert (in_query.status_code, by_cookie.status_code) == (401, 401)
    for answer in (page, state, simple):
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == text.count("<script>") + text.count("<style>")


def test_metrics_are_in_the_format_prometheus_reads(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        post(f"{running.url}/v1/chat/completions", json={"model": "m", "messages": []}, headers=KEY)
        text = get(f"{running.url}/metrics").text

    found = {family.name: family for family in text_string_to_metric_families(text)}
    (sample,) = found["reliant_gateway_requests"].samples
    assert (sample.labels["upstream"], sample.labels["status"], sample.value) == ("mock", "200", 1)
    seconds = found["gen_ai_client_operation_duration_seconds"]
    assert next(one.value for one in seconds.samples if one.name.endswith("_count")) == 1


def serving(mock: Provider, folder: Path, *, workers: int = 1, drain_s: float = 5.0) -> Path:
    """Write a gateway's configuration into `folder`; return where its log will be."""
    audit = folder / "audit"
    text = config(mock, more=f'[audit]\npath = "{audit}"\n[listen]\nport = 0\nworkers = {workers}\n')
    (folder / "gateway.toml").write_text(text.replace("drain_s = 1.0", f"drain_s = {drain_s}"))
    return audit


def text(file: Path) -> list[str]:
    return file.read_text().splitlines(keepends=True)


def records(audit: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return each record of a kind with the name of its file."""
    lines = [(file.name, line) for file in sorted(audit.glob("*.jsonl")) for line in text(file)]
    read = [(name, json.loads(line)["r"]) for name, line in lines if line.endswith("\n")]
    return [one for one in read if one[1]["kind"] == kind]


def asked(running: Served) -> int:
    body = {"model": "gpt-4o", "messages": []}
    try:
        return post(f"{running.url}/v1/chat/completions", json=body, headers=KEY).status_code
    except httpx.HTTPError:
        return 0


def test_two_workers_serve_one_port_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        audit = serving(mock, tmp_path, workers=2)
        with served(tmp_path) as running:
            until(lambda: len(records(audit, "opening")) == 2, "both workers begin a log")
            os.kill(records(audit, "opening")[0][1]["pid"], signal.SIGKILL)
            statuses = [asked(running) for _ in range(20)]
            until(lambda: len(records(audit, "opening")) == 3, "the dead one is replaced")
            reloaded = post(f"{running.url}/admin/reload", headers=KEY).status_code
            until(lambda: len({name for name, _ in records(audit, "change")}) == 2, "all workers reload")
            ended = running.stop()
            said = running.said()

    assert statuses.count(200) >= 18
    assert reloaded == 200
    assert "worker 0 ended with -9; starting it anew" in said
    assert ended == 0, said
    result = CliRunner().invoke(command, ["audit", "verify", str(audit)])
    assert result.exit_code == 0, result.output


def test_a_gateway_told_to_stop_while_a_worker_is_replaced_starts_none(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        audit = serving(mock, tmp_path, workers=2)
        with served(tmp_path) as running:
            until(lambda: len(records(audit, "opening")) == 2)
            os.kill(records(audit, "opening")[0][1]["pid"], signal.SIGKILL)
            until(lambda: "starting it anew" in running.said())
            ended = running.stop()
            said = running.said()

    assert ended == 0, said


def test_a_worker_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        audit = serving(mock, tmp_path, workers=2, drain_s=0.0)
        with served(tmp_path) as running:
            until(lambda: len(records(audit, "opening")) == 2)
            pid = records(audit, "opening")[0][1]["pid"]
            os.kill(pid, signal.SIGSTOP)
            # Told to end before it has stopped, it might end.
            until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
            ended = running.stop()
            said = running.said()

    assert ended == 0, said
    assert "worker 0 did not stop in time; it is killed" in said


def test_workers_stop_when_the_process_that_watches_them_is_gone(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        audit = serving(mock, tmp_path, workers=2)
        with served(tmp_path) as running:
            until(lambda: len(records(audit, "opening")) == 2)
            running.process.kill()
            running.wait()
            until(lambda: running.said().count("the process that watched it is gone") == 2)
            ends = [audit / name for name, _ in records(audit, "opening")]
            until(
                lambda: all('"checkpoint"' in text(file)[-1] for file in ends), "both sign their log and stop"
            )


def test_why_a_worker_cannot_begin_is_said(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        audit = serving(mock, tmp_path, workers=2)
        name = writer_name(audit, "host")
        for number in range(2):
            (audit / f"{name}-{number}-00001.jsonl").write_text("not a record\n")
        with served(tmp_path, ready=False) as running:
            ended = running.wait()
            said = running.said()

    assert ended == 2
    assert "does not end in a record" in said


def test_a_request_in_flight_is_answered_before_the_gateway_stops(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        serving(mock, tmp_path, drain_s=60.0)
        answers: list[int] = []
        with served(tmp_path) as running:

            def ask() -> None:
                body = {"model": "slow-500", "messages": []}
                url = f"{running.url}/v1/chat/completions"
                answers.append(post(url, json=body, headers=KEY).status_code)

            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            until(lambda: "slow-500" in mock.models())
            ended = running.stop()
            said = running.said()
            thread.join()

    assert answers == [200]
    assert ended == 0, said


def test_a_stream_in_flight_ends_whole_before_the_gateway_stops(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        audit = serving(mock, tmp_path, workers=2, drain_s=60.0)
        with served(tmp_path) as running, httpx.Client(timeout=PATIENCE_S) as client:
            body = {"model": "slow-500", "messages": [], "stream": True}
            url = f"{running.url}/v1/chat/completions"
            with ThreadPoolExecutor(1) as pool:
                asking = pool.submit(client.post, url, json=body, headers=KEY)
                until(lambda: "slow-500" in mock.models())
                running.process.terminate()
                whole = asking.result(PATIENCE_S).content
            ended, said = running.wait(), running.said()

    assert whole.endswith(b"data: [DONE]\n\n")
    assert ended == 0, said
    assert CliRunner().invoke(command, ["audit", "verify", str(audit)]).exit_code == 0
    assert all('"checkpoint"' in text(file)[-1] for file in audit.glob("*.jsonl"))


def test_a_broken_file_changes_nothing_on_sighup_and_ctrl_c_stops_in_order(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        audit = serving(mock, tmp_path, workers=2)
        with served(tmp_path) as running:
            until(lambda: len(records(audit, "opening")) == 2)
            good = (tmp_path / "gateway.toml").read_text()
            (tmp_path / "gateway.toml").write_text(good + "[[route]]\nmodle = 1\n")
            running.process.send_signal(signal.SIGHUP)
            until(lambda: len(records(audit, "change")) == 2, "each worker says that it was refused")
            refused = [one["what"] for _, one in records(audit, "change")]
            during = asked(running)
            (tmp_path / "gateway.toml").write_text(good)
            running.process.send_signal(signal.SIGHUP)
            until(lambda: len(records(audit, "change")) == 4)
            reloaded = [one["what"] for _, one in records(audit, "change")]
            running.process.send_signal(signal.SIGINT)
            ended, said = running.wait(), running.said()

    assert refused == ["reload refused"] * 2
    assert during == 200
    assert sorted(reloaded) == ["reload refused"] * 2 + ["reloaded"] * 2
    assert ended == 0, said


def test_a_key_is_rotated_under_load_without_a_refused_request(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        admin = httpx.Client(base_url=running.url, headers=KEY, timeout=PATIENCE_S)
        with admin:
            secret = [admin.post("/admin/keys", json={"name": "k"}).json()["secret"]]
            statuses: list[int] = []
            used = ["", ""]
            stop = threading.Event()

            def load(number: int) -> None:
                with httpx.Client(base_url=running.url, timeout=PATIENCE_S) as client:
                    while not stop.is_set():
                        mine = secret[0]
                        headers = {"authorization": f"Bearer {mine}"}
                        body = {"model": "gpt-4o", "messages": []}
                        answer = client.post("/v1/chat/completions", json=body, headers=headers)
                        statuses.append(answer.status_code)
                        used[number] = mine

            threads = [threading.Thread(target=load, args=(number,), daemon=True) for number in range(2)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(5):
                    until(lambda: used == [secret[0]] * 2, "both clients use the newest secret")
                    fresh = admin.post("/admin/keys/k/rotate").json()["secret"]
                    before = len(statuses)
                    until(lambda before=before: len(statuses) > before + 5)  # type: ignore[misc]
                    secret[0] = fresh
                    running.do(running.worker.reload, "test")
            finally:
                stop.set()
                for thread in threads:
                    thread.join()

    assert set(statuses) == {200}


def test_a_rotated_key_ends_after_the_time_it_was_given(tmp_path: Path) -> None:
    now = [time.time()]
    with providers("mock") as (mock,), gateway(tmp_path, config(mock), wall=lambda: now[0]) as running:
        with httpx.Client(base_url=running.url, headers=KEY, timeout=PATIENCE_S) as admin:
            old = admin.post("/admin/keys", json={"name": "new"}).json()["secret"]
            fresh = admin.post("/admin/keys/new/rotate", json={"overlap_s": 60}).json()["secret"]
            wrong = admin.post("/admin/keys/new/rotate", json={"overlap_s": -1}).status_code
        during = [_status(running.url, one) for one in (old, fresh)]
        now[0] += 61
        after = [_status(running.url, one) for one in (old, fresh)]

    assert (during, after, wrong) == ([200, 200], [401, 200], 400)


def _status(url: str, secret: str) -> int:
    body = {"model": "gpt-4o", "messages": []}
    headers = {"authorization": f"Bearer {secret}"}
    return post(f"{url}/v1/chat/completions", json=body, headers=headers).status_code


def test_a_budget_of_a_key_made_at_run_time_counts_list_prices(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        quota = {"usd_per_day": 0.0001}
        made = post(f"{running.url}/admin/keys", json={"name": "k", "quota": quota}, headers=KEY).json()
        asked = [_status(running.url, made["secret"]) for _ in range(2)]

    assert asked == [200, 429]


def test_a_key_for_nothing_that_exists_is_not_made(tmp_path: Path) -> None:
    wrong = [{"endpoints": ["chats"]}, {"country": "XX"}, {"name": "a\nb"}, {"tenant": "nobody"}]
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        answers = [post(f"{running.url}/admin/keys", json={"name": "k", **one}, headers=KEY) for one in wrong]

    assert [one.status_code for one in answers] == [400] * 4


def test_a_reload_with_a_file_that_is_no_certificate_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        other = config(mock).replace("http://127", "https://127")
        running.config.write_text(other.replace("timeout_s", f'ca_file = "{tmp_path / "ca.pem"}"\ntimeout_s'))
        wrong = running.do(running.worker.reload, "test")
        still = _status(running.url, "sk-test")

    assert "'mock' cannot be used" in wrong
    assert still == 200


def test_check_says_how_to_state_what_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "g.toml").write_text(SMALLEST.replace('"openai"', '"anthropic"'))

    result = CliRunner().invoke(command, ["check", "--config", str(tmp_path / "g.toml")])

    assert "would decide it: " in result.output
    assert 'say it in [[tenant]]: owner_country = ".."' in result.output


def test_what_tells_of_keys_can_be_closed_to_everybody_else(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        text = "[listen]\nguarded = true\n" + config(mock)
        with gateway(tmp_path, text) as running:
            paths = ("/metrics", "/audit/head", "/openapi.json", "/health")
            closed = [get(f"{running.url}{one}").status_code for one in paths]
            opened = [get(f"{running.url}{one}", headers=KEY).status_code for one in paths]
            told = [get(f"{running.url}/health", headers=more).json() for more in ({}, KEY)]

    assert closed == [401, 401, 401, 200]
    assert opened == [200] * 4
    assert told == [{"status": "ok"}, {"status": "ok", "upstreams": {"mock": "closed"}}]
