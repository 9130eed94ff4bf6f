"""Code that asks a gateway for a name relies on what the gateway says of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reliant.core.need import AllOf, AnyOf, Need, Supplier

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory.conftest import Result, Tree

LITELLM = """
model_list:
  - model_name: chat
    litellm_params:
      model: azure/gpt-4o
      api_base: https://acme.openai.azure.com
      api_key: os.environ/AZURE_API_KEY
  - model_name: chat
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
  - model_name: chat-backup
    litellm_params:
      model: mistral/mistral-large-latest
      api_key: os.environ/MISTRAL_API_KEY
  - model_name: embed
    litellm_params:
      model: openai/text-embedding-3-large
      api_key: os.environ/OPENAI_API_KEY
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o
      api_base: https://acme.openai.azure.com
router_settings:
  fallbacks:
    - chat: ["chat-backup"]
"""

CLIENT = """
import os
from openai import OpenAI

client = OpenAI(base_url=os.environ.get("LITELLM_URL", "http://litellm:4000"), api_key=os.environ["KEY"])


def answer(question):
    return client.chat.completions.create(model="chat", messages=[{"role": "user", "content": question}])
"""

PLAIN_HOST = """
from openai import OpenAI

client = OpenAI(base_url="http://litellm:4000/v1", api_key="sk-x")


def search(texts):
    found = client.embeddings.create(model="embed", input=texts)
    return client.chat.completions.create(model="chat", messages=found)
"""

OURS = """
[[upstream]]
name = "first"
provider = "openai"
base_url = "https://api.openai.com"
[[upstream]]
name = "second"
provider = "mistral"
base_url = "https://api.mistral.ai"
[[upstream]]
name = "filter"
provider = "anthropic"
base_url = "https://api.anthropic.com"

[[route]]
model = "chat"
upstreams = ["first", "second"]
needs = ["filter"]

[[route]]
model = "draft-*"
upstreams = ["second"]
"""


def _providers(result: Result, need: Need) -> object:
    """Return a need with the provider of each use in place of its id."""
    if isinstance(need, Supplier):
        return next(use.provider for use in result.uses if use.id == need.id)
    return (type(need).__name__, *(_providers(result, part) for part in need.of))


def _need(result: Result, function: str) -> Need:
    return next(one.need for one in result.functions if one.id == function)


def test_code_that_calls_a_name_needs_its_deployments_and_fallbacks_in_their_order(
    scanned: Callable[[Tree], Result],
) -> None:
    result = scanned({"gateway/litellm.yaml": LITELLM, "app/answer.py": CLIENT})

    assert _providers(result, _need(result, "app/answer")) == ("AnyOf", "azure-openai", "openai", "mistral")


def test_code_that_calls_two_names_needs_both(scanned: Callable[[Tree], Result]) -> None:
    result = scanned({"gateway/litellm.yaml": LITELLM, "app/search.py": PLAIN_HOST})

    need = _need(result, "app/search")
    assert isinstance(need, AllOf)
    assert _providers(result, need) == ("AllOf", "openai", ("AnyOf", "azure-openai", "openai", "mistral"))
    assert {type(part) for part in need.of} == {Supplier, AnyOf}


def test_a_name_that_code_calls_is_no_function_besides_and_one_that_none_calls_stays(
    scanned: Callable[[Tree], Result],
) -> None:
    result = scanned({"gateway/litellm.yaml": LITELLM, "app/answer.py": CLIENT})

    ids = {function.id for function in result.functions}
    assert "gateway/litellm/chat" not in ids
    assert {"app/answer", "gateway/litellm/embed"} <= ids


def test_a_name_is_no_model_of_the_vendor_whose_client_is_used(scanned: Callable[[Tree], Result]) -> None:
    result = scanned({"gateway/litellm.yaml": LITELLM, "app/search.py": PLAIN_HOST})

    assert not {model for _, model in result.models} & {"embed", "chat"}
    assert [use.functions for use in result.uses if use.model == "openai/text-embedding-3-large"] == [
        ("app/search",)
    ]


def test_a_real_id_that_goes_straight_to_its_vendor_is_no_alias(scanned: Callable[[Tree], Result]) -> None:
    code = "from openai import OpenAI\nOpenAI().chat.completions.create(model='gpt-4o', messages=[])\n"
    result = scanned({"gateway/litellm.yaml": LITELLM, "app/direct.py": code})

    assert _providers(result, _need(result, "app/direct")) == "openai"


def test_the_same_id_through_the_gateway_is_one(scanned: Callable[[Tree], Result]) -> None:
    result = scanned({"gateway/litellm.yaml": LITELLM, "app/a.py": CLIENT.replace('"chat"', '"gpt-4o"')})

    assert _providers(result, _need(result, "app/a")) == "azure-openai"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("chat", ("AllOf", ("AnyOf", "openai", "mistral"), "anthropic")), ("draft-1", "mistral")],
)
def test_names_and_patterns_of_our_own_gateway_are_followed_too(
    scanned: Callable[[Tree], Result], name: str, wanted: object
) -> None:
    code = PLAIN_HOST.replace("http://litellm:4000/v1", "http://127.0.0.1:8089/v1")
    code = code.replace(
        '    found = client.embeddings.create(model="embed", input=texts)\n', "    found = []\n"
    )
    result = scanned({"gateway.toml": OURS, "app/ask.py": code.replace('"chat"', f'"{name}"')})

    assert _providers(result, _need(result, "app/ask")) == wanted


def test_javascript_is_joined_in_the_same_way(scanned: Callable[[Tree], Result]) -> None:
    code = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: "http://litellm:4000/v1", apiKey: "x" });
export const ask = (q) => client.chat.completions.create({ model: "chat", messages: q });
"""
    result = scanned({"gateway/litellm.yaml": LITELLM, "web/ask.js": code})

    assert _providers(result, _need(result, "web/ask")) == ("AnyOf", "azure-openai", "openai", "mistral")


def test_without_a_gateway_in_the_target_a_plain_word_stays_no_model(
    scanned: Callable[[Tree], Result],
) -> None:
    result = scanned({"app/answer.py": CLIENT})

    assert not result.models
