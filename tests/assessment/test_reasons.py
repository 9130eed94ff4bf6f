"""Why a function stops, in words: by the provider's own country, its owner's, or its model's maker's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from assessment.estates import setting
from reliant.assessment.chains import chain_of
from reliant.assessment.graph import Chain, Cut, Graph
from reliant.assessment.simulate.plans import Plans
from reliant.assessment.simulate.play import Scenario, simulate
from reliant.core.need import Function, Supplier
from reliant.core.truth import Truth
from reliant.core.use import Channel, Kind, Role, Scope, Use

if TYPE_CHECKING:
    from reliant.atlas import Atlas


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
