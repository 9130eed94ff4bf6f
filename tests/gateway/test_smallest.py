"""The smallest configuration, as promised: served by the command, used by an official client, proven."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import openai

from support.gateway_process import served
from support.gateway_provider import providers
from support.gateway_rig import get

FILE = """
[listen]
host = "127.0.0.1"
port = 8089
[place]                      # where this gateway and its callers operate, unless a key says otherwise
country = "US"
[[upstream]]
name = "mock"
provider = "openai"          # an id of the atlas; decides the rules
base_url = "http://127.0.0.1:9009/v1"
api_key = "sk-upstream"      # or api_key_env
timeout_s = 4
[[key]]
name = "test"
secret = "sk-test"           # or secret_sha256
[[route]]
model = "*"                  # alias or glob
upstreams = ["mock"]         # in order
retries = 0
"""


def verified(log: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "reliant", "gateway", "audit", "verify", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_smallest_configuration_serves_and_proves_what_it_did(tmp_path: Path) -> None:
    with providers("mock") as (mock,):
        text = FILE.replace("port = 8089", "port = 0").replace("http://127.0.0.1:9009/v1", mock.url)
        (tmp_path / "gateway.toml").write_text(text)
        with served(tmp_path) as running:
            health = get(f"{running.url}/health")
            with openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-test") as client:
                messages: list[openai.types.chat.ChatCompletionMessageParam] = [
                    {"role": "user", "content": "hi"}
                ]
                answer = client.chat.completions.create(model="gpt-4o", messages=messages)
                stream = client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
                events = len(list(stream))
            ended, said = running.stop(), running.said()
        keys = {one.headers["authorization"] for one in mock.seen}

    log = tmp_path / "state" / "reliant" / "audit"
    whole = verified(log)
    segment = next(log.glob("*.jsonl"))
    held = segment.read_bytes()
    at = held.index(b'"action"') + 2
    segment.write_bytes(held[:at] + b"X" + held[at + 1 :])
    changed = verified(log)

    assert health.json() == {"status": "ok", "upstreams": {"mock": "closed"}}
    assert answer.choices[0].message.content
    assert events > 1
    assert keys == {"Bearer sk-upstream"}
    assert ended == 0, said
    assert f"log in {log}" in said
    assert whole[0] == 0, whole[1]
    assert changed[0] == 1, changed[1]
    assert re.search(rf"BROKEN {re.escape(segment.name)}:\d+: record \d+", changed[1])
