"""Checks that a quote really stands in its document, and finds who cites a document."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliant.atlas.evidence.text import plain

if TYPE_CHECKING:
    from reliant.atlas import Atlas
    from reliant.atlas.evidence.text import Text
    from reliant.atlas.records.common import Record

_LEAST_WORDS = 6
"""Shorter quotes stand in too many documents to say which one was read."""


@dataclass(frozen=True)
class QuoteCheck:
    """Whether the quote of one source stands in a document.

    Attributes:
        document: Name of the document in which it stands; None if in none of them.
        nearest: The sentence that comes nearest, where it stands in none.
    """

    source: str
    quote: str
    document: str | None
    nearest: str = ""


@dataclass(frozen=True)
class Citation:
    """A record that cites a document.

    Attributes:
        quote: Its words that stand in the document; None if it only names the same address.
    """

    record: str
    source: str
    origin: str | None
    quote: str | None


def check_quotes(record: Record, texts: Iterable[Text]) -> tuple[QuoteCheck, ...]:
    """Return for each quote of the record where it stands."""
    held = list(texts)
    found = []
    for name, source in record.sources.items():
        if source.quote:
            where = next((text.name for text in held if stands_in(source.quote, text)), None)
            nearest = "" if where else _nearest(source.quote, held)
            found.append(QuoteCheck(name, source.quote, where, nearest))
    return tuple(found)


def citations(atlas: Atlas, text: Text, url: str | None = None) -> Iterator[Citation]:
    """Yield every record whose quote stands in the document, or whose source has its address."""
    for folder in atlas.folders:
        for record in atlas.records(folder).values():
            for name, source in record.sources.items():
                quote = source.quote
                if quote and len(quote.split()) >= _LEAST_WORDS and stands_in(quote, text):
                    yield Citation(record.id, name, source.origin, quote)
                elif url and source.url and source.url.rstrip("/") == url.rstrip("/"):
                    yield Citation(record.id, name, source.origin, None)


def stands_in(quote: str, text: Text) -> bool:
    """Say whether the words stand in the document as they are; marks and spaces may differ.

    Parts around an omission (`...`) must stand in it in this order.
    """
    body = plain(text.body).casefold()
    at = 0
    for part in plain(quote).casefold().replace("[...]", "...").split("..."):
        at = body.find(part.strip(' "'), at)
        if at < 0:
            return False
    return True


def _nearest(quote: str, texts: Iterable[Text]) -> str:
    wanted = plain(quote).casefold()
    sentences = [sentence for text in texts for sentence in text.sentences]
    scored = (
        (difflib.SequenceMatcher(None, wanted, one.casefold(), autojunk=False).ratio(), one)
        for one in sentences
    )
    return max(scored, default=(0.0, ""))[1]
