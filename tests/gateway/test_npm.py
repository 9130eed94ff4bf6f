"""The official npm SDK against the gateway."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.gateway_provider import TOKENS, providers
from support.gateway_rig import config, gateway

SCRIPT = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "sk-test", maxRetries: 1 });
const out = {};
const whole = await client.chat.completions.create({ model: "gpt-4o", messages: [] });
out.text = whole.choices[0].message.content;
for (const model of ["fault-geo", "fault-404", "fault-429", "fault-500", "fault-reset", "fault-401"]) {
  try { await client.chat.completions.create({ model, messages: [] }); }
  catch (error) { out[model] = [error.constructor.name, error.code, error.status]; }
}
for (const model of ["gpt-4o", "fault-midstream", "fault-sse-error"]) {
  let words = 0;
  try {
    for await (const chunk of await client.chat.completions.create({ model, messages: [], stream: true }))
      words += chunk.choices[0]?.delta?.content ? 1 : 0;
    out["stream " + model] = [words];
  } catch (error) { out["stream " + model] = [words, error.constructor.name, error.code]; }
}
console.log(JSON.stringify(out));
"""


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDK, kept between runs in the user's cache."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "reliant-tests" / "npm-openai-6"
    if not (folder / "node_modules" / "openai").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "openai@6"]
        done = subprocess.run(install, cwd=folder, capture_output=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip("the npm registry could not be reached")
    return folder


@pytest.mark.registry
def test_the_npm_sdk_gets_answers_streams_and_the_right_classes(tmp_path: Path, sdk: Path) -> None:
    (sdk / "ask.mjs").write_text(SCRIPT)
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        command = ["node", "ask.mjs", f"{running.url}/v1"]
        done = subprocess.run(command, cwd=sdk, capture_output=True, timeout=60, check=True)
    said = json.loads(done.stdout)

    assert said == {
        "text": "hello from mock",
        "fault-geo": ["PermissionDeniedError", "unsupported_country_region_territory", 403],
        "fault-404": ["NotFoundError", "model_not_found", 404],
        "fault-429": ["RateLimitError", "rate_limit_exceeded", 429],
        "fault-500": ["InternalServerError", None, 500],
        "fault-reset": ["InternalServerError", "upstream_unreachable", 502],
        "fault-401": ["InternalServerError", "upstream_key_refused", 502],
        "stream gpt-4o": [TOKENS],
        "stream fault-midstream": [TOKENS // 2, "APIError", "upstream_stream_cut"],
        "stream fault-sse-error": [TOKENS // 2, "APIError", None],
    }
