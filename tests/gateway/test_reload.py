# ruff: noqa: SIM117 - what is served stands around what is asked
"""What an operator is told and what takes effect: reloads, certificates, keys of several workers."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from reliant.gateway.operate import LEARN_S
from support.certificates import certificate
from support.gateway_process import served
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, Running, config, gateway, post, until

KEY = {"authorization": "Bearer sk-test"}
BODY = {"model": "gpt-4o", "messages": []}


def reload(running: Running, text: str) -> str:
    running.config.write_text(text)
    return str(running.do(running.worker.reload, "test"))


def test_a_reload_says_that_it_was_read_or_where_it_is_wrong(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        good = config(mock, more="[breaker]\nopen_s = 5.0\n")
        reload(running, good)
        done = running.said[-1]
        line = good.count("\n") + 2
        wrong = reload(running, good + "\nbreakr = 1\n")
        refused = running.said[-1]
        gone = running.config
        gone.unlink()
        running.do(running.worker.reload, "test")

    assert done.startswith("the configuration was read again: ")
    assert f"gateway.toml:{line}:" in wrong
    assert refused == f"the configuration before stays in force: {wrong}"
    assert "cannot be read: No such file" in running.said[-1]


def test_what_only_a_start_reads_waits_for_the_next_one_and_that_is_said(tmp_path: Path) -> None:
    """Were the number of workers taken over, this one would go on with another part of each quota."""
    bounded = "admin = true\nquota = { requests_per_day = 4 }\n"
    with providers("mock") as (mock,):
        text = config(mock).replace("admin = true\n", bounded)
        with gateway(tmp_path, text) as running:
            reload(running, text + "[listen]\nworkers = 4\nport = 1\n[telemetry]\nsample = 0.5\n")
            said = running.said[-1]
            answers = [post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY) for _ in range(5)]

    assert said == ("what only a start reads stays as it was: listen.port, listen.workers, telemetry.sample")
    assert [one.status_code for one in answers] == [200] * 4 + [429]


def test_a_renewed_certificate_is_used_after_a_reload(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    first = cert.read_bytes()
    with providers("mock") as (mock,):
        text = config(mock, more=f'[listen]\ntls_cert = "{cert}"\ntls_key = "{key}"\n')
        with gateway(tmp_path, text) as running:
            shown = [_shown(running.port)]
            kept = httpx.Client(verify=False, headers=KEY, timeout=PATIENCE_S)
            with kept:
                url = f"https://127.0.0.1:{running.port}/v1/chat/completions"
                statuses = [kept.post(url, json=BODY).status_code]
                (tmp_path / "new").mkdir()
                fresh, fresh_key = certificate(tmp_path / "new")
                cert.write_bytes(fresh.read_bytes())
                half = reload(running, text)
                shown.append(_shown(running.port))
                key.write_bytes(fresh_key.read_bytes())
                whole = reload(running, text)
                shown.append(_shown(running.port))
                statuses.append(kept.post(url, json=BODY).status_code)

    assert "is no usable certificate" in half
    assert whole == ""
    assert shown == [_der(first), _der(first), _der(fresh.read_bytes())]
    assert statuses == [200, 200]


def _shown(port: int) -> bytes:
    return _der(ssl.get_server_certificate(("127.0.0.1", port), timeout=PATIENCE_S).encode())


def _der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def test_a_key_works_at_all_workers_once_it_is_made_rotated_or_ended(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        text = config(mock, more="[listen]\nport = 0\nworkers = 2\n")
        (tmp_path / "gateway.toml").write_text(text)
        with served(tmp_path) as running:
            made = _admin(running.url, "", {"name": "k"})["secret"]
            until(lambda: _statuses(running.url, made, 8) == {200}, "all workers know it")
            fresh = _admin(running.url, "/k/rotate", {"overlap_s": 0})["secret"]
            until(lambda: _statuses(running.url, made, 8) == {401}, "all workers know that it is over")
            after = _statuses(running.url, fresh, 8)
            httpx.delete(f"{running.url}/admin/keys/k", headers=KEY, timeout=PATIENCE_S).raise_for_status()
            until(lambda: _statuses(running.url, fresh, 8) == {401}, "all workers know that there is none")

    assert after == {200}


def test_a_new_key_is_handed_out_after_other_workers_had_time_to_learn_it(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        with gateway(tmp_path, config(mock, more="[listen]\nworkers = 2\n")) as running:
            began = time.monotonic()
            _admin(running.url, "", {"name": "k"})
            took = time.monotonic() - began

    assert took > LEARN_S


def _admin(url: str, path: str, body: dict[str, object]) -> dict[str, str]:
    answer = post(f"{url}/admin/keys{path}", json=body, headers=KEY)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found


def _statuses(url: str, secret: str, count: int) -> set[int]:
    """Return the statuses of so many calls, each over a connection of its own: any worker may get it."""
    headers = {"authorization": f"Bearer {secret}"}
    answers = (post(f"{url}/v1/chat/completions", json=BODY, headers=headers) for _ in range(count))
    return {one.status_code for one in answers}


def test_a_key_for_watching_reads_what_is_guarded_and_nothing_else(tmp_path: Path) -> None:
    more = "".join(
        f'[[key]]\nname = "{name}"\nsecret = "sk-{name}-key"\nendpoints = ["{kind}"]\n'
        for name, kind in (("watch", "metrics"), ("chat", "chat"), ("all", "*"))
    )
    with providers("mock") as (mock,):
        with gateway(tmp_path, "[listen]\nguarded = true\n" + config(mock, more=more)) as running:

            def told(name: str) -> list[int]:
                headers = {"authorization": f"Bearer sk-{name}-key"}
                asked = [
                    httpx.get(f"{running.url}{path}", headers=headers, timeout=PATIENCE_S) for path in PATHS
                ]
                asked.append(post(f"{running.url}/v1/chat/completions", json=BODY, headers=headers))
                return [one.status_code for one in asked]

            found = {name: told(name) for name in ("watch", "chat", "all")}

    assert found == {"watch": [200, 200, 401, 403], "chat": [401, 401, 401, 200], "all": [401, 401, 401, 200]}


PATHS = ("/metrics", "/audit/head", "/admin/state")


def test_a_key_of_the_file_is_changed_in_the_file(tmp_path: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        here = post(f"{running.url}/admin/keys/test/rotate", headers=KEY)
        nobody = post(f"{running.url}/admin/keys/nobody/rotate", headers=KEY)
        with pytest.raises(httpx.HTTPStatusError, match="409"):
            httpx.delete(f"{running.url}/admin/keys/test", headers=KEY).raise_for_status()

    assert (here.status_code, nobody.status_code) == (409, 404)
    assert "previous_sha256" in here.json()["error"]["message"]


@pytest.mark.parametrize("name", ["a/b", "..", "", " ", "x" * 201, "a\nb", "a\\b"])
def test_no_key_gets_a_name_under_which_it_cannot_be_ended(tmp_path: Path, name: str) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        answer = post(f"{running.url}/admin/keys", json={"name": name}, headers=KEY)

    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["team b", "%2e", "a?b#c", "Büro 7", "v1.2"])
def test_whatever_a_key_is_called_it_can_be_rotated_and_ended(tmp_path: Path, name: str) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        made = _admin(running.url, "", {"name": name})["secret"]
        path = f"{running.url}/admin/keys/{quote(name, safe='')}"
        rotated = post(f"{path}/rotate", headers=KEY)
        ended = httpx.delete(path, headers=KEY, timeout=PATIENCE_S)
        after = _statuses(running.url, made, 1)

    assert (rotated.status_code, rotated.json()["name"]) == (200, name)
    assert (ended.status_code, after) == (200, {401})


def test_a_reached_bound_is_told_as_it_is_configured(tmp_path: Path) -> None:
    bounded = "quota = { requests_per_day = 2 }\n"
    with providers("mock") as (mock,):
        text = config(mock, more="[listen]\nport = 0\nworkers = 2\n").replace("admin = true\n", bounded)
        (tmp_path / "gateway.toml").write_text(text)
        with served(tmp_path) as running:
            url = f"{running.url}/v1/chat/completions"
            answers = [post(url, json=BODY, headers=KEY) for _ in range(3)]

    reached = next(one for one in answers if one.status_code == 429)
    message = reached.json()["error"]["message"]
    assert "requests_per_day of 2 (of which this worker holds 1) is reached" in message
    assert f"Try again in {reached.headers['retry-after']} s" in message


def test_what_is_said_at_the_start_can_be_called(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with providers("mock") as (mock,):
        tls = f'[listen]\nport = 0\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
        (tmp_path / "gateway.toml").write_text(config(mock, more=tls))
        with served(tmp_path, ready=False) as running:
            said = running.said()
            running.process.send_signal(signal.SIGTERM)
            running.wait()

    assert f"serving on https://127.0.0.1:{running.port}, log in" in said


def test_who_calls_as_soon_as_it_is_said_is_answered(tmp_path: Path) -> None:
    """Starting a worker takes a while; callers wait for it, and are not told that nobody is here."""
    with providers("mock") as (mock,):
        (tmp_path / "gateway.toml").write_text(config(mock, more="[listen]\nport = 0\nworkers = 2\n"))
        with served(tmp_path, ready=False) as running:
            answer = post(f"{running.url}/v1/chat/completions", json=BODY, headers=KEY)

    assert answer.status_code == 200


def test_an_address_of_ipv6_stands_in_brackets(tmp_path: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with providers("mock") as (mock,):
        (tmp_path / "gateway.toml").write_text(config(mock, more='[listen]\nhost = "::1"\nport = 0\n'))
        with served(tmp_path, ready=False) as running:
            url = f"http://[::1]:{running.port}"

            def answers() -> bool:
                try:
                    return httpx.get(f"{url}/health", timeout=PATIENCE_S).status_code == 200
                except httpx.TransportError:
                    return False

            until(answers, "the gateway answers")
            said = running.said()

    assert f"serving on {url}, log in" in said


def test_who_opens_tls_and_says_nothing_is_closed(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    more = f'[listen]\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    with providers("mock") as (mock,):
        text = config(mock, more=more).replace("[limits]\n", "[limits]\nheader_s = 0.3\n")
        with gateway(tmp_path, text) as running:
            for began in (b"", b"\x16\x03\x01"):
                with socket.create_connection(("127.0.0.1", running.port), PATIENCE_S) as client:
                    client.sendall(began)
                    client.settimeout(20)  # the half minute and more that a library gives would be too long
                    assert _rest(client) == b""


def _rest(client: socket.socket) -> bytes:
    """Return what comes before the other side closes, or breaks, the connection."""
    try:
        return client.recv(100)
    except ConnectionError:
        return b""
