"""What a switch chooses between is a choice, with its default where the code tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reliant.assessment.graph import state
from reliant.core.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory.conftest import Result, Tree

_IMPORTS = """
import os
from openai import OpenAI, AzureOpenAI
from anthropic import Anthropic
from groq import Groq
"""


def _stops(result: Result, function: str, *providers: str) -> bool | None:
    """Say whether a function stops once these providers are gone; None if that is not known."""
    need = next(one.need for one in result.functions if one.id == function)
    gone = {use.id for use in result.uses if use.provider in providers}
    answer = state(need, lambda use: Truth.of(use not in gone))
    return {Truth.YES: False, Truth.NO: True, Truth.UNKNOWN: None}[answer]


_DEFAULT_IS_OPENAI = {
    "an environment variable that is not set": """
def build():
    if "AZURE_ENGINE" in os.environ:
        return AzureOpenAI(azure_deployment=os.environ["AZURE_ENGINE"])
    return OpenAI()

def ask(text):
    return build().chat.completions.create(model="gpt-4o", messages=[text])
""",
    "a parameter with a default": """
class AI:
    def __init__(self, model="gpt-4o", endpoint=None):
        self.model = model
        self.endpoint = endpoint
        self.client = self._made()

    def _made(self):
        if self.endpoint:
            return AzureOpenAI(azure_endpoint=self.endpoint)
        elif "claude" in self.model:
            return Anthropic()
        else:
            return OpenAI()

    def ask(self, text):
        return self.client.chat.completions.create(model=self.model, messages=[text])
""",
    "a match on an option": """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--service", default="openai")
args = parser.parse_args()

def ask(text):
    match args.service:
        case "azure":
            return AzureOpenAI().chat.completions.create(model="gpt-4o-mini", messages=[text])
        case "anthropic":
            return Anthropic().messages.create(model="claude-3-5-sonnet-20240620", messages=[text])
        case _:
            return OpenAI().chat.completions.create(model="gpt-4o", messages=[text])
""",
    "a ternary over a constant": """
USE_AZURE = False

def ask(text):
    client = AzureOpenAI() if USE_AZURE else OpenAI()
    return client.chat.completions.create(model="gpt-4o", messages=[text])
""",
    "a client that a test replaces": """
client = OpenAI()
if os.getenv("AZURE_ENDPOINT"):
    client = AzureOpenAI()

def ask(text):
    return client.chat.completions.create(model="gpt-4o", messages=[text])
""",
    "functions that only the arms call": """
def _azure(text):
    return AzureOpenAI().chat.completions.create(model="gpt-4o-mini", messages=[text])

def _openai(text):
    return OpenAI().chat.completions.create(model="gpt-4o", messages=[text])

def ask(text, azure=False):
    if azure:
        return _azure(text)
    return _openai(text)
""",
}


@pytest.mark.parametrize("code", _DEFAULT_IS_OPENAI.values(), ids=_DEFAULT_IS_OPENAI.keys())
def test_a_switch_stops_with_its_default_and_with_nothing_else(
    scanned: Callable[[Tree], Result], code: str
) -> None:
    result = scanned({"app/ask.py": _IMPORTS + code})

    assert _stops(result, "app/ask", "openai") is True
    assert _stops(result, "app/ask", "azure-openai") is False
    assert _stops(result, "app/ask", "anthropic") is False


_DEFAULT_IS_OPEN = {
    "a parameter without a default": """
def ask(provider, text):
    if provider == "openai":
        return OpenAI().chat.completions.create(model="gpt-4o", messages=[text])
    elif provider == "groq":
        return Groq().chat.completions.create(model="llama-3.3-70b-versatile", messages=[text])
    raise ValueError(provider)
""",
    "whichever key is there": """
def ask(text):
    if os.getenv("OPENAI_API_KEY"):
        return OpenAI().chat.completions.create(model="gpt-4o", messages=[text])
    if os.getenv("GROQ_API_KEY"):
        return Groq().chat.completions.create(model="llama-3.3-70b-versatile", messages=[text])
    raise SystemExit("no key")
""",
    "a table of classes": """
class Fast:
    def ask(self, text):
        return Groq().chat.completions.create(model="llama-3.3-70b-versatile", messages=[text])

class Good:
    def ask(self, text):
        return OpenAI().chat.completions.create(model="gpt-4o", messages=[text])

def ask(name, text):
    return {"fast": Fast, "good": Good}[name]().ask(text)
""",
}


@pytest.mark.parametrize("code", _DEFAULT_IS_OPEN.values(), ids=_DEFAULT_IS_OPEN.keys())
def test_a_switch_without_a_default_is_not_known_to_stop_until_all_of_it_is_gone(
    scanned: Callable[[Tree], Result], code: str
) -> None:
    result = scanned({"app/ask.py": _IMPORTS + code})

    assert _stops(result, "app/ask", "openai") is None
    assert _stops(result, "app/ask", "groq") is None
    assert _stops(result, "app/ask", "openai", "groq") is True


def test_what_is_done_when_a_call_fails_takes_over_by_itself(scanned: Callable[[Tree], Result]) -> None:
    code = """
def ask(text):
    try:
        return OpenAI().chat.completions.create(model="gpt-4o", messages=[text])
    except Exception:
        return Groq().chat.completions.create(model="llama-3.3-70b-versatile", messages=[text])
"""
    result = scanned({"app/ask.py": _IMPORTS + code})

    assert _stops(result, "app/ask", "openai") is False
    assert _stops(result, "app/ask", "groq") is False
    assert _stops(result, "app/ask", "openai", "groq") is True


def test_an_error_that_no_outage_causes_makes_no_fallback(scanned: Callable[[Tree], Result]) -> None:
    code = """
def ask(text, table):
    answer = OpenAI().chat.completions.create(model="gpt-4o", messages=[text])
    try:
        return table[answer]
    except KeyError:
        return Groq().chat.completions.create(model="llama-3.3-70b-versatile", messages=[text])
"""
    result = scanned({"app/ask.py": _IMPORTS + code})

    assert _stops(result, "app/ask", "openai") is True


def test_what_both_arms_need_is_needed_for_certain(scanned: Callable[[Tree], Result]) -> None:
    code = """
def ask(text, fast):
    vector = OpenAI().embeddings.create(model="text-embedding-3-small", input=text)
    if fast:
        return Groq().chat.completions.create(model="llama-3.3-70b-versatile", messages=[vector])
    return Anthropic().messages.create(model="claude-3-5-sonnet-20240620", messages=[vector])
"""
    result = scanned({"app/ask.py": _IMPORTS + code})

    assert _stops(result, "app/ask", "openai") is True
    assert _stops(result, "app/ask", "groq") is None


def test_two_calls_one_after_the_other_are_no_choice(scanned: Callable[[Tree], Result]) -> None:
    code = """
def ask(text):
    draft = Groq().chat.completions.create(model="llama-3.3-70b-versatile", messages=[text])
    return Anthropic().messages.create(model="claude-3-5-sonnet-20240620", messages=[draft])
"""
    result = scanned({"app/ask.py": _IMPORTS + code})

    assert _stops(result, "app/ask", "groq") is True
    assert _stops(result, "app/ask", "anthropic") is True


_ENGINES = """
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import Groq from "groq-sdk";

class OpenAiEngine {
  ask(text) {
    return new OpenAI().chat.completions.create({ model: "gpt-4o", messages: text });
  }
}
class ClaudeEngine {
  ask(text) {
    return new Anthropic().messages.create({ model: "claude-3-5-sonnet-20240620", messages: text });
  }
}
class GroqEngine {
  ask(text) {
    return new Groq().chat.completions.create({ model: "llama-3.3-70b-versatile", messages: text });
  }
}
"""


@pytest.mark.parametrize(
    "switch",
    [
        """
const DEFAULT_CONFIG = { APP_PROVIDER: "openai", APP_LANGUAGE: "en" };
export function engine(config) {
  const provider = config.APP_PROVIDER;
  switch (provider) {
    case "claude":
      return new ClaudeEngine();
    case "groq":
      return new GroqEngine();
    default:
      return new OpenAiEngine();
  }
}
""",
        """
const model = process.env.APP_MODEL || "gpt-4o";
export function engine() {
  if (model.startsWith("claude")) {
    return new ClaudeEngine();
  }
  return model.includes("llama") ? new GroqEngine() : new OpenAiEngine();
}
""",
    ],
    ids=["a switch over a table of defaults", "tests of a name and a ternary"],
)
def test_the_same_holds_in_javascript(scanned: Callable[[Tree], Result], switch: str) -> None:
    result = scanned({"src/engine.js": _ENGINES + switch})

    assert _stops(result, "src/engine", "openai") is True
    assert _stops(result, "src/engine", "anthropic") is False
    assert _stops(result, "src/engine", "groq") is False


def test_a_catch_in_javascript_takes_over_by_itself(scanned: Callable[[Tree], Result]) -> None:
    code = """
import OpenAI from "openai";
import Groq from "groq-sdk";

export async function ask(text) {
  try {
    return await new OpenAI().chat.completions.create({ model: "gpt-4o", messages: text });
  } catch (error) {
    return await new Groq().chat.completions.create({ model: "llama-3.3-70b-versatile", messages: text });
  }
}
"""
    result = scanned({"src/engine.js": code})

    assert _stops(result, "src/engine", "openai") is False
    assert _stops(result, "src/engine", "openai", "groq") is True


def test_a_bundle_that_names_its_modules_is_read_as_the_projects_own(
    scanned: Callable[[Tree], Result],
) -> None:
    package = "// node_modules/openai/index.mjs\nvar OpenAI = class {\n" + "  // filling\n" * 60_000 + "};\n"
    own = """// src/ask.ts
async function ask(text) {
  return new OpenAI().chat.completions.create({ model: "gpt-4o", messages: text });
}
"""
    result = scanned({"dist/cli.cjs": package + own})

    assert result.models == {("openai", "gpt-4o")}
    assert _stops(result, "dist/cli", "openai") is True


_SETTINGS = """
from pydantic import Field
from pydantic_settings import BaseSettings
from litellm import completion

class Settings(BaseSettings):
    llm: str = Field(default="gpt-4o")
    summary_llm: str = "gpt-4o"
    embedding: str = Field(default="text-embedding-3-small")
    batch_size: int = 4
    verbosity: int = 0

def ask(settings, text):
    return completion(model=settings.llm, messages=[text])
"""


def test_a_preset_needs_the_defaults_that_it_leaves(scanned: Callable[[Tree], Result]) -> None:
    preset = '{"llm": "claude-3-haiku-20240307", "summary_llm": "claude-3-haiku-20240307", "batch_size": 1}'
    result = scanned({"app/settings.py": _SETTINGS, "app/configs/debug.json": preset})

    assert _stops(result, "app/configs/debug", "anthropic") is True
    assert _stops(result, "app/configs/debug", "openai") is True


def test_a_preset_that_sets_every_model_needs_no_default(scanned: Callable[[Tree], Result]) -> None:
    preset = (
        '{"llm": "claude-3-haiku-20240307", "summary_llm": "claude-3-haiku-20240307", '
        '"embedding": "voyage-3", "batch_size": 1}'
    )
    result = scanned({"app/settings.py": _SETTINGS, "app/configs/debug.json": preset})

    assert _stops(result, "app/configs/debug", "openai") is False


def test_the_option_of_another_file_is_the_default_of_a_switch(scanned: Callable[[Tree], Result]) -> None:
    cli = """
import click
from app.ask import ask

@click.command()
@click.option("--provider", default="openai")
def main(provider):
    ask(provider, "hello")
"""
    switch = _IMPORTS + _DEFAULT_IS_OPEN["a parameter without a default"]
    result = scanned({"app/cli.py": cli, "app/ask.py": switch})

    assert _stops(result, "app/ask", "openai") is True
    assert _stops(result, "app/ask", "groq") is False


def test_adapters_in_folders_of_their_own_are_one_choice(scanned: Callable[[Tree], Result]) -> None:
    result = scanned(
        {
            "app/llms/openai/provider.py": "from openai import OpenAI\nclient = OpenAI()\n",
            "app/llms/groq/provider.py": "from groq import Groq\nclient = Groq()\n",
        }
    )

    assert _stops(result, "app/llms", "openai") is None
    assert _stops(result, "app/llms", "openai", "groq") is True
