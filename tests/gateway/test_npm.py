"""The official npm SDKs against the gateway, in their newest major versions."""

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
import OpenAI, { toFile } from "openai";
import Anthropic from "@anthropic-ai/sdk";
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
const weather = { name: "weather", parameters: { type: "object", properties: {} } };
const tools = [{ type: "function", function: weather }];
const called = await client.chat.completions.create({ model: "gpt-4o", messages: [], tools });
out.call = called.choices[0].message.tool_calls[0].function;
const text = await toFile(Buffer.from("x"), "x.txt");
const file = await client.files.create({ file: text, purpose: "user_data" });
out.files = [];
for await (const one of client.files.list()) out.files.push(one.id === file.id);
out.responses = [];
for await (const event of await client.responses.create({ model: "gpt-4o", input: "x", stream: true }))
  out.responses.push(event.type);

const messages = [{ role: "user", content: "hi" }];
const baseURL = process.argv[2].replace("/v1", "");
const claude = new Anthropic({ baseURL, apiKey: "sk-test", maxRetries: 1 });
const ask = { max_tokens: 9, messages };
const said = await claude.messages.stream({ model: "gpt-4o", ...ask }).finalMessage();
out.message = [said.stop_reason, said.usage.output_tokens];
for (const model of ["fault-geo", "fault-404", "fault-429", "fault-reset", "fault-401"]) {
  try { await claude.messages.create({ model, ...ask }); }
  catch (error) { out["messages " + model] = [error.constructor.name, error.status]; }
}
try { await claude.messages.stream({ model: "fault-midstream", ...ask }).finalMessage(); }
catch (error) { out["messages cut"] = error.message.includes("upstream_stream_cut"); }
try { await claude.messages.countTokens({ model: "gpt-4o", messages }); }
catch (error) { out["messages count"] = [error.constructor.name, error.status]; }
console.log(JSON.stringify(out));
"""


PACKAGES = ["openai@7", "@anthropic-ai/sdk@1"]


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDKs and the script, kept between runs in the user's cache."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "reliant-tests"
    folder = cache / f"npm-openai-7-{zlib.crc32(SCRIPT.encode()):08x}"
    if not folder.is_dir():
        # Made beside it and then named: a run that is stopped, or one at the same time, leaves no half.
        draft = tmp_path_factory.mktemp("npm")
        (draft / "package.json").write_text('{"private": true, "type": "module"}')
        (draft / "ask.mjs").write_text(SCRIPT)
        install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
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
def test_the_npm_sdks_get_answers_streams_and_the_right_classes(tmp_path: Path, sdk: Path) -> None:
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
        "call": {"name": "weather", "arguments": '{"city":"Basel"}'},
        "files": [True],
        "responses": ["response.created", "response.completed"],
        "message": ["end_turn", TOKENS],
        "messages fault-geo": ["PermissionDeniedError", 403],
        "messages fault-404": ["NotFoundError", 404],
        "messages fault-429": ["RateLimitError", 429],
        "messages fault-reset": ["InternalServerError", 502],
        "messages fault-401": ["InternalServerError", 502],
        "messages cut": True,
        "messages count": ["BadRequestError", 400],
    }
