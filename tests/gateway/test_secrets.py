"""A run with everything in it: no secret stands in anything that it wrote, said, answered or sent."""

from __future__ import annotations

import hashlib
import signal
import socket
from pathlib import Path

import httpx
from click.testing import CliRunner

from reliant.cli.gateway import gateway as command
from support.gateway_process import Served, served
from support.gateway_provider import providers
from support.gateway_rig import PATIENCE_S, config, until

CALLER = "sk-caller-3f9a77"
ADMIN = "sk-admin-51c2e0"
UPSTREAM = "sk-upstream-88d1b4"
CACHE = "cache-password-7d20"
STUFFED = "sk-stuffed-00aa11"
GIVEN = (CALLER, ADMIN, UPSTREAM, CACHE, STUFFED)

_RAW = (
    "GARBAGE {0}\r\n\r\n",
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {0}\r\nbad header {0}\r\n\r\n",
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {0}\r\ncontent-length: x\r\n\r\n",
    "GET /{0} HTTP/1.1\r\nhost: x\r\nx: \x00\r\n\r\n",
)


def raw(port: int, text: str) -> str:
    """Send bytes that are hardly a request; return what comes back."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(text.encode("latin-1"))
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65_536):
            got += piece
    return got.decode("latin-1")


def used(running: Served) -> tuple[str, list[str]]:
    """Use a gateway in every way there is; return all that it answered, and the secrets that it made."""
    answers: list[httpx.Response] = []
    made: list[str] = []
    with httpx.Client(base_url=running.url, timeout=PATIENCE_S) as client:
        admin = {"authorization": f"Bearer {ADMIN}"}
        for model in ("gpt-4o", "denied-1", "fault-401", "fault-403geo", "fault-500", "fault-midstream"):
            for stream in (False, True):
                body = {"model": model, "messages": [], "stream": stream}
                for headers in ({"authorization": f"Bearer {CALLER}"}, {"x-api-key": CALLER}):
                    answers.append(client.post("/v1/chat/completions", json=body, headers=headers))
        body = {"model": "gpt-4o", "messages": []}
        for headers in ({"authorization": f"Bearer {STUFFED}"}, {"api-key": STUFFED}):
            answers.append(client.post("/v1/chat/completions", json=body, headers=headers))
            answers.append(client.get("/admin/state", headers=headers))
        twice = [("authorization", f"Bearer {CALLER}"), ("x-api-key", CALLER)]
        answers.append(client.post("/v1/messages", content=b"{", headers=twice))
        for path in ("/metrics", "/admin", "/openapi.json", "/audit/head", "/health", "/v1/none"):
            answers.append(client.get(path, headers=admin))
        for path, more in (("", {"name": "k"}), ("/k/rotate", {}), ("/admin/rotate", {})):
            answer = client.post(f"/admin/keys{path}", json=more, headers=admin)
            if answer.is_success:
                made.append(answer.json()["secret"])
            else:
                answers.append(answer)
        answers.append(client.get("/admin/state", headers=admin))
    heads = [f"{one.status_code} {one.headers!r} {one.text}" for one in answers]
    heads += [raw(running.port, text.format(CALLER)) for text in _RAW]
    return "\n".join(heads), made


def test_no_secret_leaves_the_place_where_it_belongs(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    with providers("mock", "collector") as (mock, collector):
        more = (
            '[listen]\nport = 0\nworkers = 2\n[audit]\npath = "log"\nprompts = "hash"\ncheckpoint_s = 0.2\n'
            f'[telemetry]\notlp_endpoint = "http://127.0.0.1:{collector.port}"\n'
            f'[shared]\nurl = "redis://:{CACHE}@127.0.0.1:1/0"\n'
            f'[[key]]\nname = "caller"\nsecret = "{CALLER}"\nquota = {{ requests_per_day = 500 }}\n'
            '[[rule]]\nid = "house"\nsummary = "S."\nwhen = { model = ["denied*"] }\n'
        ).replace('"log"', f'"{tmp_path / "log"}"')
        text = config(mock, more=more).replace("sk-test", ADMIN).replace("sk-upstream", UPSTREAM)
        file.write_text(text)
        checked = CliRunner().invoke(command, ["check", "--config", str(file)]).output
        with served(tmp_path) as running:
            answered, made = used(running)
            for wrong in (f"\n{CALLER}\n", f'\n[[key]]\nsecret = "{CALLER}"\nnam = 1\n'):
                file.write_text(text + wrong)
                before = running.said().count("stays in force")
                running.process.send_signal(signal.SIGHUP)
                until(lambda before=before: running.said().count("stays in force") > before)  # type: ignore[misc]
            until(lambda: collector.seen, "spans are sent")
            ended = running.stop()
            said = running.said()
        sent = "\n".join(f"{one.path} {one.headers} {one.body!r}" for one in collector.seen)
        asked = "\n".join(f"{one.path} {one.headers} {one.body!r}" for one in mock.seen)

    assert ended == 0, said
    written = {
        str(one.relative_to(tmp_path)): one.read_bytes().decode("latin-1")
        for one in tmp_path.rglob("*")
        if one.is_file() and one != file
    }
    places = {"check": checked, "answers": answered, "stderr": said, "telemetry": sent, **written}
    assert len(made) == 2
    assert mock.seen
    assert any(name.startswith("log/") for name in places)
    for secret in (*GIVEN, *made):
        digest = hashlib.sha256(secret.encode()).hexdigest()
        assert [name for name, held in places.items() if secret in held] == []
        told = [name for name, held in places.items() if digest in held]
        assert [name for name in told if "gateway.sqlite" not in name] == []
    for secret in (CALLER, ADMIN, CACHE, STUFFED, *made):
        assert secret not in asked, "a provider gets its own key and no other"
