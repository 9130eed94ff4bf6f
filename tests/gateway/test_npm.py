"""The official npm SDK against the gateway."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import zlib
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
    """A folder with the SDK and the script, kept between runs in the user's cache."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "reliant-tests"
    folder = cache / f"npm-openai-6-{zlib.crc32(SCRIPT.encode()):08x}"
    if not folder.is_dir():
        # Made beside it and then named: a run that is stopped, or one at the same time, leaves no half.
        draft = tmp_path_factory.mktemp("npm")
        (draft / "package.json").write_text('{"private": true, "type": "module"}')
        (draft / "ask.mjs").write_text(SCRIPT)
        install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "openai@6"]
        try:
            subprocess.run(install, cwd=draft, capture_output=True, timeout=300, check=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("the npm registry could not be reached")
        try:
            cache.mkdir(parents=True, exist_ok=True)
            kept = Path(tempfile.mkdtemp(dir=cache)) / "sdk"
            shutil.copytree(draft, kept, symlinks=True)
            kept.rename(folder)
        except OSError:
            return draft  # it cannot be kept, or another run was faster
    return folder


@pytest.mark.registry
def test_the_npm_sdk_gets_answers_streams_and_the_right_classes(tmp_path: Path, sdk: Path) -> None:
    with providers("mock") as (mock,), gateway(tmp_path, config(mock)) as running:
        command = ["node", "ask.mjs", f"{running.url}/v1"]
        done = subprocess.run(command, cwd=sdk, capture_output=True, timeout=300, check=True)
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
