"""One pass for all literals: the same matches whichever library finds them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reliant.inventory.literals import HYPERSCAN_FROM_BYTES, ByHyperscan, by_ahocorasick, literals

_TEXTS = st.text("ab/.\0é", max_size=40).map(str.encode)
_PATTERNS = st.lists(st.text("ab/.", min_size=1, max_size=5).map(str.encode), min_size=1, unique=True)


def test_of_literals_that_overlap_the_leftmost_longest_is_found() -> None:
    found = literals([b"api", b"api.acme.test", b"acme"]).find_matches_as_indexes(b"x api.acme.test")

    assert found == [(1, 2, 15)]


@given(_PATTERNS, _TEXTS)
@example([b"ab", b"abab", b"ba"], b"ababab")
def test_hyperscan_finds_what_ahocorasick_finds(patterns: list[bytes], text: bytes) -> None:
    pytest.importorskip("hyperscan", reason="the extra 'hyperscan' is not installed")

    assert ByHyperscan(patterns).find_matches_as_indexes(text) == by_ahocorasick(
        patterns
    ).find_matches_as_indexes(text)


def test_hyperscan_is_used_where_so_much_is_read_that_it_pays() -> None:
    pytest.importorskip("hyperscan", reason="the extra 'hyperscan' is not installed")

    assert isinstance(literals([b"api"], to_read=HYPERSCAN_FROM_BYTES), ByHyperscan)
    assert not isinstance(literals([b"api"], to_read=HYPERSCAN_FROM_BYTES - 1), ByHyperscan)
