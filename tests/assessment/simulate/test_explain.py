"""Why a function stops, in words: by the provider's own country, its owner's, or its model's maker's."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from assessment.estates import setting
from reliant.assessment.chains import chain_of
from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.simulate.plans import Plans
from reliant.assessment.simulate.play import Scenario, simulate
from reliant.core.need import AnyOf, Function, Supplier
from reliant.core.truth import Truth
from reliant.core.use import Channel, Kind, Role, Scope, Use

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.core.simulation import FunctionRow


def _why(chain: Chain) -> str:
    graph = Graph((Function("f", "f", 1.0, Supplier("u")),), {"u": chain})
    return simulate(graph, Scenario.of(Cut("jurisdiction", "US")), Plans(), setting()).functions[0].why


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        (Chain("u", provider="openai", jurisdiction="US"), "needs openai; jurisdiction:US is cut"),
        (
            Chain("u", provider="bfl", jurisdiction="DE", owner="Flux Inc.", owner_jurisdiction="US"),
            "needs bfl; its owner Flux Inc. is of US, and jurisdiction:US is cut",
        ),
        (
            Chain(
                "u",
                provider="cloud",
                jurisdiction="FR",
                developer="lab",
                developer_jurisdiction="US",
                weights="closed",
            ),
            "needs cloud; its closed weights are of lab in US, and jurisdiction:US is cut",
        ),
    ],
)
def test_the_sentence_names_the_link_by_which_a_country_reaches_a_use(chain: Chain, said: str) -> None:
    assert _why(chain) == said


NAMES = {
    "openai": "OpenAI",
    "azure-openai": "Azure OpenAI (Foundry)",
    "openai.gpt-4o": "GPT-4o",
    "US": "United States",
    "Apache-2.0": "Apache License 2.0",
}


def _told(cut: str, chains: dict[str, Chain], **known: Truth) -> FunctionRow:
    graph = Graph((Function("f", "f", 1.0, AnyOf(tuple(map(Supplier, chains)))),), chains)
    given_ = setting(names=NAMES, already=known)
    return simulate(graph, Scenario.of(Cut.parse(cut)), Plans(), given_).functions[0]


GPT_4O = Chain(
    "u", provider="openai", jurisdiction="US", developer="openai", model="openai.gpt-4o", licence="Apache-2.0"
)


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("provider:openai", "needs OpenAI GPT-4o; OpenAI is cut (provider:openai)"),
        ("jurisdiction:US", "needs OpenAI GPT-4o; the United States is cut (jurisdiction:US)"),
        ("model:openai.gpt-4o", "needs OpenAI GPT-4o; GPT-4o is cut (model:openai.gpt-4o)"),
        ("licence:Apache-2.0", "needs OpenAI GPT-4o; Apache License 2.0 is cut (licence:Apache-2.0)"),
        ("use:u", "needs OpenAI GPT-4o, which the scenario closes"),
        ("provider:mistral", "OpenAI GPT-4o is not cut"),
    ],
)
def test_a_reason_uses_the_names_that_people_know_with_the_id_of_what_is_cut(cut: str, said: str) -> None:
    assert _told(cut, {"u": GPT_4O}).why == said


def test_what_takes_over_has_its_ids_and_its_name() -> None:
    azure = dataclasses.replace(GPT_4O, use="v", provider="azure-openai")

    row = _told("provider:openai", {"u": GPT_4O, "v": azure})

    assert row.why == "OpenAI GPT-4o is gone, Azure OpenAI GPT-4o takes over"
    assert (row.fallback, row.fallback_name) == ("azure-openai gpt-4o", "Azure OpenAI GPT-4o")


def test_a_use_that_is_down_already_is_not_blamed_on_the_cut() -> None:
    row = _told("provider:mistral", {"u": GPT_4O}, u=Truth.YES)

    assert row.why == "OpenAI GPT-4o is not reachable or not permitted already"


def test_a_use_of_which_neither_provider_nor_model_is_known_is_called_by_its_library() -> None:
    why = _why(Chain("langchain-698554a5", called="langchain-openai (server not known)"))

    assert "langchain-openai (server not known)" in why
    assert "698554a5" not in why


def test_a_library_that_passes_calls_on_is_no_supplier_that_can_be_cut(atlas: Atlas) -> None:
    use = Use(
        id="u",
        provider="litellm",
        sdk="litellm",
        developer=None,
        model=None,
        kind=Kind.GATEWAY,
        channel=Channel.RESELLER,
        role=Role.DEFAULT,
        scope=Scope.CODE,
        confidence=0.9,
        functions=(),
        evidence=(),
    )

    chain = chain_of(use, atlas)

    assert chain.provider is None
    assert Cut("provider", "openai").downs(chain) is Truth.UNKNOWN
    assert chain.called.startswith("litellm")
