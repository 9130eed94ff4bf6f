"""The order of 2026-10: a named lab's weights are excluded, whoever hosts them and however far down they are.

Source: the record `us.dhs.deepseek-exclusion-2026` and what it cites.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from reliant.atlas import Atlas
from reliant.core.verdict import Axis
from reliant.policy import RuleBook
from reliant.policy.ask import Asker, Question, given
from support.atlas_builder import AtlasBuilder

_ORDER = "us.dhs.deepseek-exclusion-2026"
_IN_FORCE = dt.date(2026, 11, 1)
_AGENCY = given({"public_body": "us.federal-civilian", "contractor.of": "none"}, "test")


def truth(atlas: Atlas, model: str, day: dt.date = _IN_FORCE) -> str:
    """Return whether the order applies to this model on machines of an agency's own."""
    book = RuleBook.from_atlas(atlas)
    question = Question(provider="ollama", model=model, channel="self-hosted", place="US")
    answer = book.decide(Asker(atlas, book).facts(question, _AGENCY), day)
    return next((rule.truth for rule in answer.axes[Axis.LAW].rules if rule.id == _ORDER), "no")


@pytest.fixture
def family(atlas: Atlas) -> Atlas:
    """The real order over models of our own making."""
    order = msgspec.to_builtins(atlas.rules[_ORDER])
    made = AtlasBuilder().record("rules", _ORDER, **{key: order[key] for key in order if key != "id"})
    made.document("vocabulary", atlas.document("vocabulary"))
    made.provider("deepseek", hq_country="CN").provider("ollama", roles=["local-runtime"]).provider("acme")

    def model(key: str, *edges: tuple[str, str], origin: str | None = "derived") -> None:
        descent = [
            {"kind": kind, "status": "confirmed", "ancestor": above, "sources": ["page"]}
            for kind, above in edges
        ]
        fields = {
            "weights": "open",
            "descent": descent,
            "released": "2026-01-01",
            "aliases": [key.partition(".")[2]],
        }
        made.model(key, **fields, **({"weights_origin": origin} if origin else {}))

    model("deepseek.base", origin="own")
    model("acme.child", ("weights", "deepseek.base"))
    model("acme.grandchild", ("quantised", "acme.child"))
    model("acme.lookalike", ("architecture", "deepseek.base"), origin="own")
    model("acme.unrecorded", origin=None)
    return made.build()


def test_weights_two_steps_below_the_named_lab_are_caught(family: Atlas) -> None:
    assert [truth(family, name) for name in ("child", "grandchild")] == ["yes", "yes"]


def test_a_shared_architecture_is_not_caught(family: Atlas) -> None:
    assert truth(family, "lookalike") == "no"


def test_unrecorded_parents_make_it_unknown(family: Atlas) -> None:
    assert truth(family, "unrecorded") == "unknown"


def test_before_it_was_published_no_reading_agrees_that_it_held(family: Atlas) -> None:
    assert truth(family, "child", dt.date(2026, 7, 23)) == "no"
    assert truth(family, "child", dt.date(2026, 10, 19)) == "unknown"
    assert truth(family, "child", dt.date(2026, 10, 20)) == "yes"


def test_real_models_with_the_labs_weights_and_with_its_design_alone(atlas: Atlas) -> None:
    assert truth(atlas, "r1-1776") == "yes"
    assert truth(atlas, "kimi-k2") == "no"
