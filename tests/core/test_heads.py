"""Beginnings of patterns: no match begins otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliant.core.heads import first_match, heads

if TYPE_CHECKING:
    from reliant.atlas import Atlas

WRITTEN = [
    r"(?i)^(?:acme-[12](-mini)?|zed\.x?)$",
    r"(?i)^(ft:)?(acme-[0-9]|zed\d-)",
    r"(?i)^(?:(other\.)?nova-pro(-v1(:0)?)?)$",
    r"(?i)^ab?c",
    r"(?i)^(?:a|)b",
    r"(?i)^[xy]z",
    r"(?i)^\d+b",
    r"(?i)^(a|b)(c|d)$",
    "open",
]


@given(st.data())
@pytest.mark.parametrize("pattern", WRITTEN)
def test_every_match_begins_with_one_of_the_heads(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern))

    assert text.lower().startswith(heads(pattern))


def test_the_heads_of_the_patterns_of_the_atlas_lose_no_id(atlas: Atlas) -> None:
    patterns = [pattern for model in atlas.models.values() for pattern in model.id_patterns]
    patterns += [one.model_id_regex for one in atlas.providers.values() if one.model_id_regex]
    ids = {
        name.rpartition("/")[2] for model in atlas.models.values() for name in (*model.aliases, *model.hf_ids)
    }
    for pattern in patterns:
        matching = [id_ for id_ in ids if re.search(pattern, id_)]
        assert all(id_.lower().startswith(heads(pattern)) for id_ in matching), pattern
    told = sum(heads(pattern) != ("",) for pattern in patterns)
    assert told > 0.9 * len(patterns)  # else comparing them saves nothing


def test_the_first_pattern_that_matches_is_taken() -> None:
    patterns = (("(?i)^acme-2", "two"), ("(?i)^acme", "any"), ("zed$", "open"))

    assert first_match(patterns, "ACME-2-mini") == "two"
    assert first_match(patterns, "acme-3") == "any"
    assert first_match(patterns, "the-zed") == "open"
    assert first_match(patterns, "other") is None
