"""Who can serve a model: a lab its own, a cloud or a hub anybody's; and by which channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from reliant.core.use import Channel

if TYPE_CHECKING:
    from conftest import Result, Tree

BRANCHES = """\
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI


class Agent:
    def __init__(self, model_name="gpt-4-turbo", service="openai"):
        self.model_name = model_name
        self.service = service

    def llm(self):
        if self.service == "anthropic":
            return ChatAnthropic(model=self.model_name)
        return ChatOpenAI(model=self.model_name)
"""


def test_a_lab_is_never_said_to_serve_another_labs_model(scanned: Callable[[Tree], Result]) -> None:
    found = scanned({"app/agent.py": BRANCHES})

    assert ("openai", "gpt-4-turbo") in found.models
    assert ("anthropic", "gpt-4-turbo") not in found.models
    called = [use for use in found.used if use.provider == "anthropic" and use.kind != "sdk"]
    assert [(use.model, use.chosen_at_run_time) for use in called] == [(None, True)]


def test_a_labs_own_model_stays_with_it(scanned: Callable[[Tree], Result]) -> None:
    found = scanned({"app/agent.py": BRANCHES.replace("gpt-4-turbo", "claude-3-5-sonnet-20240620")})

    assert ("anthropic", "claude-3-5-sonnet-20240620") in found.models
    assert ("openai", "claude-3-5-sonnet-20240620") not in found.models


def test_a_model_that_nobody_else_serves_is_kept_without_a_provider(
    scanned: Callable[[Tree], Result],
) -> None:
    found = scanned(
        {"app.py": "from anthropic import Anthropic\nAnthropic().messages.create(model='gpt-4-turbo')\n"}
    )

    assert (None, "gpt-4-turbo") in found.models
    assert "anthropic" in found.providers


@pytest.mark.parametrize(
    ("code", "provider", "model"),
    [
        (
            "import boto3\nboto3.client('bedrock-runtime').invoke_model("
            "modelId='anthropic.claude-3-haiku-20240307-v1:0')\n",
            "aws-bedrock",
            "anthropic.claude-3-haiku-20240307-v1:0",
        ),
        (
            "from groq import Groq\nGroq().chat.completions.create(model='llama-3.3-70b-versatile')\n",
            "groq",
            "llama-3.3-70b-versatile",
        ),
        (
            "from openai import OpenAI\nc = OpenAI(base_url='https://openrouter.ai/api/v1')\n"
            "c.chat.completions.create(model='anthropic/claude-3.5-sonnet')\n",
            "openrouter",
            "anthropic/claude-3.5-sonnet",
        ),
        (
            "from cerebras.cloud.sdk import Cerebras\n"
            "Cerebras().chat.completions.create(model='llama-3.3-70b')\n",
            "cerebras",
            "llama-3.3-70b",
        ),
    ],
)
def test_clouds_resellers_and_gateways_serve_anybodys_models(
    scanned: Callable[[Tree], Result], code: str, provider: str, model: str
) -> None:
    assert (provider, model) in scanned({"app.py": code}).models


def test_the_package_of_a_local_runtime_is_self_hosted_and_a_labs_is_direct(
    scanned: Callable[[Tree], Result],
) -> None:
    runtime = scanned({"requirements.txt": "ollama\n"})
    lab = scanned({"app.py": "from anthropic import Anthropic\nAnthropic()\n"})

    assert {use.channel for use in runtime.uses if use.provider == "ollama"} == {Channel.SELF_HOSTED}
    assert {use.channel for use in lab.uses if use.provider == "anthropic"} == {Channel.DIRECT}


def test_a_hub_is_reached_directly_and_a_broker_is_a_reseller(scanned: Callable[[Tree], Result]) -> None:
    hub = scanned({"requirements.txt": "huggingface_hub\n"})
    broker = scanned(
        {"app.py": "import httpx\nhttpx.post('https://openrouter.ai/api/v1/chat/completions')\n"}
    )

    assert {use.channel for use in hub.uses if use.provider == "huggingface"} == {Channel.DIRECT}
    assert {use.channel for use in broker.uses if use.provider == "openrouter"} == {Channel.RESELLER}
