"""Routes of gateways: one function per name, its ways in order, and nothing made of what looks alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reliant.core.need import AllOf, AnyOf, Need, Supplier, met, suppliers

if TYPE_CHECKING:
    from conftest import Found, Look

LITELLM = """\
model_list:
  - model_name: chat
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/OPENAI_API_KEY
  - model_name: chat
    litellm_params:
      model: azure/acme-gpt4o
      api_base: https://acme.openai.azure.com
  - model_name: spare
    litellm_params:
      model: anthropic/claude-3-5-sonnet-20240620
  - model_name: gpt-4o-mini
    litellm_params:
      model: openai/gpt-4o-mini
"""


def needs(found: Found) -> dict[str, str]:
    """Return what each function needs, with providers in place of uses."""
    provider = {use.id: use.provider or "?" for use in found.uses}

    def said(need: Need) -> str:
        match need:
            case Supplier(id=use):
                return provider[use]
            case AnyOf(of=parts):
                return "(" + " or ".join(map(said, parts)) + ")"
            case AllOf(of=parts):
                return "(" + " and ".join(map(said, parts)) + ")"

    return {function.name: said(function.need) for function in found.functions}


def test_deployments_of_one_name_are_alternatives_in_order(look: Look) -> None:
    assert needs(look("litellm.yaml", LITELLM)) == {
        "chat": "(openai or azure-openai)",
        "spare": "anthropic",
        "gpt-4o-mini": "openai",
    }


@pytest.mark.parametrize(
    "setting",
    [
        "router_settings:\n  fallbacks: [{chat: [spare]}]\n",
        'router_settings:\n  fallbacks:\n    - {"chat": ["spare"]}\n',
        "litellm_settings:\n  fallbacks:\n    - chat:\n      - spare\n",
        "litellm_settings:\n  default_fallbacks: [spare]\n",
        'router_settings:\n  fallbacks: [{"*": [spare]}]\n',
    ],
)
def test_a_fallback_is_a_way_after_the_names_own(look: Look, setting: str) -> None:
    assert needs(look("litellm.yaml", LITELLM + setting))["chat"] == "(openai or azure-openai or anthropic)"


def test_fallbacks_are_followed_on_and_end_in_a_circle(look: Look) -> None:
    found = look(
        "litellm.yaml",
        LITELLM + "router_settings:\n  fallbacks:\n    - gpt-4o-mini: [spare]\n    - spare: [chat]\n"
        "    - chat: [gpt-4o-mini]\n",
    )

    assert needs(found)["gpt-4o-mini"] == "(openai or anthropic or openai or azure-openai)"


@pytest.mark.parametrize("kind", ["context_window_fallbacks", "content_policy_fallbacks"])
def test_a_way_for_questions_too_long_stands_in_for_nobody_who_is_gone(look: Look, kind: str) -> None:
    found = look("litellm.yaml", LITELLM + f"litellm_settings:\n  {kind}:\n    - gpt-4o-mini: [spare]\n")

    assert needs(found)["gpt-4o-mini"] == "openai"


def test_a_fallback_names_a_route_and_no_model(look: Look) -> None:
    found = look("litellm.yaml", LITELLM + "router_settings:\n  fallbacks: [{spare: [gpt-4o-mini]}]\n")

    assert [use.evidence[0].line for use in found.uses if use.model == "gpt-4o-mini"] == []
    assert needs(found)["spare"] == "(anthropic or openai)"


def test_an_address_of_ones_own_is_not_the_vendor_whose_language_it_speaks(look: Look) -> None:
    found = look(
        "litellm.yaml",
        LITELLM + "  - model_name: house\n    litellm_params:\n      model: openai/house-llm\n"
        "      api_base: http://llm.acme.internal:9000/v1\n",
    )

    assert needs(found)["house"] == "?"


def test_a_way_that_names_nobody_known_is_an_unknown_supplier(look: Look) -> None:
    found = look(
        "litellm.yaml",
        "model_list:\n  - model_name: chat\n    litellm_params:\n      model: openai/gpt-4o\n"
        "  - model_name: chat\n    litellm_params:\n      model: os.environ/SPARE_MODEL\n",
    )

    assert needs(found)["chat"] == "(openai or ?)"


def test_many_deployments_are_routes_and_no_price_list(look: Look) -> None:
    names = [f"qwen/qwen-2.5-{n}b-instruct" for n in range(1, 40)]
    text = "model_list:\n" + "".join(
        f"  - model_name: m{n}\n    litellm_params: {{model: openrouter/{name}}}\n"
        for n, name in enumerate(names)
    )

    assert len(look("litellm.yaml", text).functions) == len(names)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "bench.yaml",
            "model_list:\n  - model_name: gpt-4o\n    runs: 3\n  - model_name: gpt-4o\n    runs: 5\n",
        ),
        ("i18n.json", '{"strategy": {"mode": "fallback"}, "languages": ["de", "en"]}'),
        (
            "deploy.yaml",
            "strategy:\n  mode: fallback\ntargets:\n  - host: a.acme.org\n  - host: b.acme.org\n",
        ),
        ("site.toml", '[[route]]\nmodel = "chat"\nupstreams = ["a", "b"]\n'),
    ],
)
def test_what_only_looks_like_routes_makes_no_function_of_a_route(look: Look, path: str, text: str) -> None:
    found = look(path, text)

    assert not any("/" in function.id for function in found.functions)
    assert not any(isinstance(function.need, AnyOf) for function in found.functions)


def test_targets_of_a_fallback_are_alternatives_also_when_nested(look: Look) -> None:
    found = look(
        "config/portkey.json",
        '{"strategy": {"mode": "fallback"}, "targets": [\n'
        '  {"provider": "openai", "override_params": {"model": "gpt-4o"}},\n'
        '  {"strategy": {"mode": "loadbalance"}, "targets": [\n'
        '    {"provider": "anthropic", "override_params": {"model": "claude-sonnet-4-5"}, "weight": 1},\n'
        '    {"virtual_key": "spare-1", "weight": 1}]}]}\n',
    )

    assert needs(found) == {"portkey": "(openai or anthropic or ?)"}


def test_a_condition_gives_each_sort_of_question_a_function(look: Look) -> None:
    found = look(
        "portkey.json",
        '{"strategy": {"mode": "conditional", "conditions": [], "default": "b"}, "targets": [\n'
        '  {"name": "a", "provider": "openai", "override_params": {"model": "gpt-4o"}},\n'
        '  {"name": "b", "provider": "mistral", "override_params": {"model": "mistral-large-latest"}}]}\n',
    )

    assert needs(found) == {"portkey 1": "openai", "portkey 2": "mistral"}


OWN = """\
[[upstream]]
name = "first"
provider = "openai"
base_url = "https://api.openai.com/v1"

[[upstream]]
name = "second"
provider = "deepseek"
base_url = "https://api.deepseek.com"
models = { chat = "deepseek-chat" }

[[upstream]]
name = "filter"
provider = "mistral"
base_url = "https://api.mistral.ai/v1"

[[route]]
model = "chat"
upstreams = ["first", "second"]
{needs}
[[route]]
model = "gpt-4o"
upstreams = ["first"]
"""


def test_upstreams_of_a_route_are_alternatives_in_order(look: Look) -> None:
    found = look("gateway.toml", OWN.replace("{needs}", ""))

    assert needs(found) == {"chat": "(openai or deepseek)", "gpt-4o": "openai"}
    assert ("deepseek", "deepseek-chat") in found.models
    assert ("openai", "gpt-4o") in found.models


def test_what_a_route_needs_besides_is_needed_as_well(look: Look) -> None:
    found = look("gateway.toml", OWN.replace("{needs}", 'needs = ["filter"]\n'))
    chat = next(function for function in found.functions if function.name == "chat")
    filtering = next(use.id for use in found.uses if use.provider == "mistral")

    assert needs(found)["chat"] == "((openai or deepseek) and mistral)"
    assert filtering in suppliers(chat.need)
    assert not met(chat.need, lambda use: use != filtering)
