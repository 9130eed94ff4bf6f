"""Models on a server that answers ranges, with the requests counted on its side."""

from __future__ import annotations

import httpx
import pytest

from reliant.errors import FetchError, TargetError, WeightsError
from reliant.lineage.formats import Meter
from reliant.lineage.opened import open_model
from reliant.lineage.opening import Limits, open_named
from reliant.lineage.remote import Cache, RemotePlace
from reliant.lineage.trace import compare, prepare
from support import tiny_models as tiny

W = tiny.llama(1, d=128, ff=512, vocab=1000)


class Server:
    """A server in this process; counts the bytes it sends."""

    def __init__(self, files: dict[str, bytes], *, ranges: bool = True) -> None:
        self.files = files
        self.ranges = ranges
        self.sent = 0
        self.asked: list[str] = []
        self.version = "1"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.lstrip("/")
        self.asked.append(path)
        if path not in self.files:
            return httpx.Response(404)
        data = self.files[path]
        headers = {"etag": self.version, "content-length": str(len(data))}
        if request.method == "HEAD":
            return httpx.Response(200, headers=headers)
        wanted = request.headers.get("range")
        if wanted and self.ranges:
            first, last = (int(one) for one in wanted.removeprefix("bytes=").split("-"))
            part = data[first : last + 1]
            self.sent += len(part)
            return httpx.Response(206, stream=httpx.ByteStream(part))
        self.sent += len(data)
        return httpx.Response(200, stream=httpx.ByteStream(data))

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self), follow_redirects=True)


@pytest.fixture
def server():
    return Server({"m/model.safetensors": tiny.safetensors(W), "m/config.json": b'{"model_type": "llama"}'})


def place(server, cache=None, budget=None):
    return RemotePlace("http://host/m", Meter(budget), server.client(), cache=cache)


def test_only_ranges_are_fetched_and_every_byte_is_counted(server, tmp_path) -> None:
    remote = prepare(open_model(place(server)))
    local = prepare(open_named(str(tiny.save(tmp_path / "b", tiny.tuned(W, 2))), Limits(), None))
    found = compare(remote, local)
    assert found.verdict == "derived"
    assert found.bytes_read == server.sent
    assert server.sent < len(server.files["m/model.safetensors"]) // 2


def test_what_was_fetched_is_not_fetched_again(server, tmp_path) -> None:
    cache = Cache(tmp_path / "cache")
    for _ in range(2):
        open_model(place(server, cache)).source("model.safetensors").read(0, 5000)
    once = server.sent
    open_model(place(server, cache)).source("model.safetensors").read(1000, 2000)
    assert server.sent == once
    server.version = "2"
    open_model(place(server, cache)).source("model.safetensors").read(1000, 2000)
    assert server.sent > once


def test_the_budget_bounds_what_is_fetched(server) -> None:
    with pytest.raises(TargetError, match="byte budget"):
        open_model(place(server, budget=50)).source("model.safetensors").read(0, 5000)
    assert server.sent <= 50


def test_a_server_without_ranges_is_refused_with_a_next_step(server) -> None:
    server.ranges = False
    with pytest.raises(WeightsError, match="range request") as caught:
        open_model(place(server))
    assert "download" in caught.value.hint


def test_a_server_that_sends_too_little_is_not_believed(server) -> None:
    data = server.files["m/model.safetensors"]
    remote = place(server).open("model.safetensors")
    server.files["m/model.safetensors"] = data[:100]
    with pytest.raises(WeightsError, match="sent 50 of 100"):
        remote.read(50, 100)


@pytest.mark.parametrize("name", ["../x", "http://elsewhere/x", "//elsewhere/x", "a/../../x"])
def test_a_name_from_inside_a_model_cannot_lead_elsewhere(server, name: str) -> None:
    with pytest.raises(WeightsError, match="not a file of its folder"):
        place(server).open(name)


def test_offline_opens_nothing() -> None:
    for name in ("org/name", "http://host/m/model.safetensors"):
        with pytest.raises(FetchError, match="--offline"):
            open_named(name, Limits(), None)


def test_a_folder_that_is_nowhere_is_said_so() -> None:
    with pytest.raises(TargetError, match="there is no model"):
        open_named("./none", Limits(), None)
