"""The facts that rules may ask for: what each is called, what it may be, and how to ask for it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from reliant.core.facts import Value
from reliant.errors import UnknownId


class VocabularyFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fact.

    Attributes:
        question: How to ask a person for it.
        about: you, who asks; use, what is done; thing, what is used.
        choice: Another value is a free choice of the operator, so it may be suggested.
        values: All it may be, if that is a closed set.
        assume: What a question starts from unless it says otherwise.
    """

    type: Literal["id", "place", "text", "number", "yes-no"]
    about: Literal["you", "use", "thing"]
    question: str
    choice: bool = False
    values: tuple[str, ...] = ()
    assume: Value | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    facts: dict[str, VocabularyFact]


def vocabulary(atlas: Any) -> dict[str, VocabularyFact]:
    """Return the facts by name; none if the atlas has no vocabulary, as small ones in tests."""
    try:
        data = atlas.document("vocabulary")
    except (AttributeError, UnknownId):
        return {}
    return msgspec.convert(data, _File).facts
