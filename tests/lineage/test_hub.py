"""Models on a hub: a server on this machine that speaks the hub's API, with its storage behind a redirect."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import socket
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reliant.errors import FetchError, WeightsError
from reliant.lineage.declared import declared_by
from reliant.lineage.opening import Limits, Online, open_named
from reliant.lineage.trace import compare, prepare
from support import tiny_models as tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

W = tiny.llama(1, d=128, ff=512, vocab=1000)
REPOSITORY = {
    "model.safetensors": tiny.safetensors(W),
    "config.json": b'{"model_type": "llama", "num_attention_heads": 4, "num_key_value_heads": 2}',
    "README.md": b"---\nbase_model: org/base\n---\n",
    "nested/notes.txt": b"x",
}


class Hub:
    """The hub's listing and files, and its storage on another port; `asked` holds every request."""

    def __init__(self) -> None:
        self.files = dict(REPOSITORY)
        self.asked: list[tuple[str, str, str | None]] = []
        self.sent = 0
        self.gated = False
        self.token: str | None = None
        self.page = 2
        self.refuses = 0
        self.list: bytes | None = None
        self.onward: str | None = None
        self.clients: list[httpx.Client] = []
        self.servers = [self._serve(self._api), self._serve(self._storage)]
        self.url, self.storage = (f"http://127.0.0.1:{one.server_port}" for one in self.servers)

    def _serve(self, answer: Any) -> http.server.ThreadingHTTPServer:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                answer(self)

            def do_HEAD(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def _reply(self, to: Any, status: int, body: bytes = b"", **headers: str) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.send_header("content-length", str(len(body)))
        to.end_headers()
        if to.command != "HEAD":
            to.wfile.write(body)

    def _api(self, to: Any) -> None:
        self.asked.append((to.command, to.path, to.headers.get("authorization")))
        path, _, query = to.path.partition("?")
        if self.refuses:
            return self._reply(to, self.refuses, b"{}")
        if self.gated and to.headers.get("authorization") != f"Bearer {self.token}":
            return self._reply(to, 403, b"{}", x_error_code="GatedRepo", x_error_message="closed")
        if not path.startswith(("/api/models/org/name/tree/", "/org/name/resolve/")):
            return self._reply(to, 404, b"{}", x_error_code="RepoNotFound")
        if "/tree/" in path:
            if path.rpartition("/tree/")[2] not in {"main", "v1"}:
                return self._reply(to, 404, b"{}", x_error_code="RevisionNotFound")
            return self._tree(to, int(urllib.parse.parse_qs(query).get("cursor", ["0"])[0]))
        name = path.split("/resolve/")[1].partition("/")[2]
        return self._reply(to, 302, location=f"{self.storage}/blobs/{urllib.parse.quote(name)}")

    def _tree(self, to: Any, start: int) -> None:
        entries: list[dict[str, Any]] = [{"type": "directory", "path": "nested", "oid": "0", "size": 0}]
        for path, data in {**self.files, "../escape.safetensors": b"x"}.items():
            digest = hashlib.sha256(data).hexdigest()
            entries.append({"type": "file", "path": path, "oid": digest[:40], "size": len(data)})
            if path.endswith(".safetensors"):
                entries[-1]["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
        more = {}
        if start + self.page < len(entries):
            onward = self.onward or f"{self.url}/api/models/org/name/tree/main?cursor={start + self.page}"
            more["link"] = f'<{onward}>; rel="next"'
        body = self.list or json.dumps(entries[start : start + self.page]).encode()
        self._reply(to, 200, body, content_type="application/json", **more)

    def _storage(self, to: Any) -> None:
        self.asked.append((to.command, "storage" + to.path, to.headers.get("authorization")))
        data = self.files[urllib.parse.unquote(to.path.removeprefix("/blobs/"))]
        first, last = (int(one) for one in to.headers["range"].removeprefix("bytes=").split("-"))
        part = data[first : last + 1]
        self.sent += len(part)
        self._reply(to, 206, part, content_range=f"bytes {first}-{last}/{len(data)}")

    def online(self, cache: Path | None = None, token: str | None = None) -> Online:
        return Online(self.client, cache, self.url, token)

    def client(self) -> httpx.Client:
        self.clients.append(httpx.Client(follow_redirects=True, timeout=60))
        return self.clients[-1]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with contextlib.closing(Hub()) as found:
        yield found


def test_a_repository_is_listed_page_by_page_and_read_by_ranges(hub: Hub, tmp_path: Path) -> None:
    suspect = prepare(open_named("org/name", Limits(), hub.online()))
    local = prepare(open_named(str(tiny.save(tmp_path / "b", tiny.tuned(W, 2))), Limits(), None))
    found = compare(suspect, local)
    assert found.verdict == "derived"
    assert found.bytes_read == hub.sent < len(hub.files["model.safetensors"]) // 2
    assert [claim.value for claim in declared_by(suspect.opened)] == ["org/base"]
    assert not any("escape" in path for _, path, _ in hub.asked)
    assert not any(method == "HEAD" for method, _, _ in hub.asked)


def test_a_revision_is_asked_for_by_name(hub: Hub) -> None:
    assert open_named("org/name@v1", Limits(), hub.online()).format == "safetensors"
    assert any(path.startswith("/org/name/resolve/v1/") for _, path, _ in hub.asked)
    with pytest.raises(FetchError, match="has no revision 'v2'"):
        open_named("org/name@v2", Limits(), hub.online())


def test_the_token_goes_to_the_hub_and_never_to_its_storage(hub: Hub) -> None:
    hub.gated, hub.token = True, "secret"
    with pytest.raises(FetchError, match="gated") as caught:
        open_named("org/name", Limits(), hub.online())
    assert "HF_TOKEN" in caught.value.hint
    assert open_named("org/name", Limits(), hub.online(token="secret")).format == "safetensors"
    assert {sent for _, path, sent in hub.asked if path.startswith("storage")} == {None}


def test_no_token_of_the_machine_is_sent_unasked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "of-this-machine")
    open_named("org/name", Limits(), hub.online())
    assert {sent for _, _, sent in hub.asked} == {None}


def test_what_was_fetched_is_kept_by_content_and_taken_up_again(hub: Hub, tmp_path: Path) -> None:
    def read(start: int, length: int) -> bytes:
        opened = open_named("org/name", Limits(), hub.online(tmp_path / "cache"))
        return opened.source("model.safetensors").read(start, length)

    first = read(0, 5000)
    once = hub.sent
    assert read(1000, 2000) == first[1000:3000]
    assert hub.sent == once
    hub.files["model.safetensors"] = tiny.safetensors(tiny.llama(9, d=128, ff=512, vocab=1000))
    assert read(1000, 2000) != b""
    assert hub.sent > once


def test_the_budget_holds_on_the_hub(hub: Hub) -> None:
    with pytest.raises(WeightsError, match="byte budget"):
        open_named("org/name", Limits(remote=2000), hub.online()).source("model.safetensors").read(0, 5000)
    assert hub.sent <= 2000


def test_a_repository_that_is_not_there_is_said_so(hub: Hub) -> None:
    with pytest.raises(FetchError, match="org/none is not there"):
        open_named("org/none", Limits(), hub.online())


def test_a_hub_that_answers_something_else_is_said_so(hub: Hub) -> None:
    hub.refuses = 418
    with pytest.raises(FetchError, match=r"the hub at 127\.0\.0\.1:\d+ answers 418 for org/name"):
        open_named("org/name", Limits(), hub.online())


@pytest.mark.parametrize("address", ["http://[::1", "nothing"])
def test_an_address_that_is_none_is_said_so(hub: Hub, address: str) -> None:
    with pytest.raises(FetchError, match="could not be fetched"):
        open_named("org/name", Limits(), hub.online()._replace(hub=address))


def test_the_command_reads_the_address_of_the_hub_from_the_environment(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from reliant.cli.main import cli

    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    base = tiny.save(tmp_path / "base", W)
    done = CliRunner().invoke(cli, ["trace", "org/name", "--against", str(base), "--format", "json"])
    assert done.exit_code == 1, done.output
    assert json.loads(done.stdout)["results"][0]["levels"]["weights"]["verdict"] == "exact"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_is_overloaded_is_asked_once_and_its_wish_to_wait_is_not_obeyed(
    hub: Hub, status: int
) -> None:
    hub.refuses = status
    with pytest.raises(FetchError, match=f"answers {status} for org/name"):
        open_named("org/name", Limits(), hub.online())
    assert len(hub.asked) == 1


def test_a_hub_that_is_down_is_named_with_the_next_step(hub: Hub) -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(FetchError, match=f"the hub at {address}: no connection") as caught:
            open_named("org/name", Limits(), hub.online()._replace(hub=f"http://{address}"))
    assert "HF_ENDPOINT" in caught.value.hint
    assert "name its folder" in caught.value.hint


def test_a_hub_that_takes_the_call_and_says_nothing_is_left(hub: Hub) -> None:
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        client = httpx.Client(timeout=0.2)
        hub.clients.append(client)
        online = Online(lambda: client, None, f"http://127.0.0.1:{silent.getsockname()[1]}", None)
        with pytest.raises(FetchError, match="no answer in time"):
            open_named("org/name", Limits(), online)


@pytest.mark.parametrize(
    ("body", "problem"),
    [(b"{}", "no list of files"), (b"[" * 5000, "no list of files"), (b"<html>", "no list of files")],
)
def test_a_list_of_files_that_is_none_is_said_so(hub: Hub, body: bytes, problem: str) -> None:
    hub.list = body
    with pytest.raises(FetchError, match=problem):
        open_named("org/name", Limits(), hub.online())


def test_a_list_of_files_does_not_go_on_at_another_host(hub: Hub) -> None:
    hub.onward = "http://127.0.0.1:9/api/models/org/name/tree/main?cursor=2"
    with pytest.raises(FetchError, match="goes on at another host"):
        open_named("org/name", Limits(), hub.online())
