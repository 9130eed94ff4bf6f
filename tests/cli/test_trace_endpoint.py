"""`reliant trace endpoint` against servers on this machine that speak chat completions."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from reliant.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = ("amber", "bridge", "candle", "desert")


class Model(BaseHTTPRequestHandler):
    """Answers with a word that depends on the prompt and on which model the path names."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # headers and body leave in one piece
    asked = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = body["messages"][0]["content"]
        model = self.path.split("/")[1]
        Model.asked += 1
        if model == "down":
            self.send_error(503)
            return
        word = WORDS[sum(map(ord, text)) * (7 if model == "one" else 3) // 5 % 4]
        answer = {
            "choices": [{"message": {"content": f"{word}."}}],
            "usage": {"prompt_tokens": len(text) + (model == "two") * len(text) // 3, "total_tokens": 40},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Model.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(*args: str):
    return CliRunner().invoke(cli, ["trace", "endpoint", *args, "--format", "json"])


def test_an_endpoint_that_serves_what_it_claims_is_consistent(address: str) -> None:
    done = ask(
        f"{address}/one#claimed", "-a", f"{address}/one#maker", "-c", f"{address}/two#x", "--prompts", "60"
    )
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (found["results"][0]["verdict"], found["results"][0]["tokenizer"]) == ("consistent", "same")
    assert found["calls"] == Model.asked == 3 + 82 * 4


def test_another_model_under_that_name_differs(address: str) -> None:
    done = ask(
        f"{address}/two#claimed", "-a", f"{address}/one#maker", "-c", f"{address}/two#x", "--prompts", "60"
    )
    assert done.exit_code == 0
    assert json.loads(done.stdout)["results"][0]["verdict"] == "differs"


def test_without_a_control_only_tokens_are_counted_and_nothing_is_decided(address: str) -> None:
    done = ask(f"{address}/two#claimed", "-a", f"{address}/one#maker")
    found = json.loads(done.stdout)
    assert done.exit_code == 3
    assert found["results"][0]["verdict"] == "not_decidable"
    assert found["results"][0]["tokenizer"] == "different"
    assert found["calls"] == Model.asked == 2 + 22 * 2


def test_an_endpoint_that_is_down_is_found_out_before_the_others_cost_anything(address: str) -> None:
    done = ask(f"{address}/one#claimed", "-a", f"{address}/one#maker", "-c", "http://127.0.0.1:9/v1#x")
    assert done.exit_code != 0
    assert "could not be reached" in str(done.exception)
    assert Model.asked == 2
