"""`reliant atlas evidence`: what is kept, which documents are one text, where copies differ."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from reliant.atlas import Atlas, load
from reliant.atlas.evidence import (
    Citation,
    Contradiction,
    Desk,
    Group,
    Kept,
    QuoteCheck,
    Text,
    check_quotes,
    citations,
    contradictions,
    group,
    likeness,
)
from reliant.atlas.evidence.desk import read_text
from reliant.errors import UsageError

_WIDTH = 100


def _desk(given: Path | None) -> Desk:
    return Desk(given or platformdirs.user_data_path("reliant") / "evidence")


def added(
    document: Path, name: str, about: dict[str, str | None], desk: Path | None, *, as_json: bool
) -> str:
    """Keep a document, and return what it is a copy of and which records cite its words.

    Raises:
        UsageError: The document or the desk cannot be used.
    """
    held = _desk(desk)
    before = [text for kept, text in held.documents() if kept.name != name]
    kept, text = held.add(document, name, **about)
    links = [link for other in before if (link := likeness(text, other)).verdict != "different"]
    atlas = load()
    cited = list(citations(atlas, text, kept.url))
    nearest = max(links, key=lambda link: link.pairs, default=None)
    alike = next(
        (other for other in before if nearest and other.name in (nearest.smaller, nearest.larger)), None
    )
    origin = _origin(atlas, cited, alike)
    if as_json:
        return _json(
            {
                "schema": "reliant.evidence/1",
                "kept": msgspec.to_builtins(kept),
                "alike": [{**msgspec.to_builtins(link), "verdict": link.verdict} for link in links],
                "cited_by": msgspec.to_builtins(cited),
                "origin": origin,
            }
        )
    rows = [f"Kept as {kept.name}: {kept.title}"]
    for link in links:
        other = link.larger if link.smaller == name else link.smaller
        rows.append(
            f"  {link.verdict} of the same text as {other} (word pairs in common {link.pairs:.0%}, sentences "
            f"of {link.smaller} that {link.larger} carries {link.carried:.0%}): the two are one source"
        )
    for one in cited:
        how = "carries the words that" if one.quote else "has the address that"
        known = f", origin {one.origin}" if one.origin else ""
        rows.append(f"  {how} {one.record} cites as its source {one.source!r}{known}")
    if not links and not cited:
        rows.append("  No kept document is alike, and no record cites it.")
    return "\n".join([*rows, "As a source of a record:", *_stanza(kept, origin)])


def _origin(atlas: Atlas, cited: Sequence[Citation], alike: Text | None) -> str | None:
    """Return what a document is a copy of: as the atlas calls it, else the kept one that is alike."""
    named = next((one.origin for one in cited if one.origin and one.quote), None)
    if named or alike is None:
        return named
    return _origin(atlas, list(citations(atlas, alike)), None) or alike.name


def _stanza(kept: Kept, origin: str | None) -> Iterator[str]:
    """Yield the YAML of the source; JSON texts are YAML texts, so odd letters do no harm."""
    yield f"  {kept.name}:"
    values = {
        "title": kept.title,
        "kind": "press",
        "publisher": kept.publisher,
        "url": kept.url,
        "published": kept.published,
        "origin": origin,
        "sha256": kept.sha256,
    }
    for key, value in values.items():
        if value is not None:
            yield f"    {key}: {json.dumps(value, ensure_ascii=False)}"


def checked(
    documents: Sequence[Path], record: str | None, desk: Path | None, *, as_json: bool
) -> tuple[str, int]:
    """Return the groups, where their members part and the checked quotes; and how many findings that is.

    Raises:
        UsageError: There is no document, or one cannot be read.
        UnknownId: No record has this id.
    """
    texts = [read_text(path) for path in documents] or [text for _, text in _desk(desk).documents()]
    if not texts:
        raise UsageError(
            "there is no document to check", hint="Name some, or keep one: reliant atlas evidence add"
        )
    named = {text.name: text for text in texts}
    if len(named) < len(texts):
        raise UsageError("two documents have one name", hint="Keep them under names of their own.")
    groups = group(texts)
    found = {
        (one.origin, member): contradictions(named[one.origin], named[member])
        for one in groups
        for member in one.members[1:]
    }
    quotes: tuple[QuoteCheck, ...] = ()
    if record is not None:
        quotes = tuple(one for held in load().find(record) for one in check_quotes(held, texts))
    findings = sum(map(len, found.values())) + sum(quote.document is None for quote in quotes)
    if as_json:
        return _as_json(groups, found, quotes), findings
    return "\n".join(_as_text(groups, found, quotes, named)), findings


def _as_json(
    groups: Sequence[Group],
    found: dict[tuple[str, str], tuple[Contradiction, ...]],
    quotes: Sequence[QuoteCheck],
) -> str:
    return _json(
        {
            "schema": "reliant.evidence-check/1",
            "groups": [
                {
                    **msgspec.to_builtins(one),
                    "links": [{**msgspec.to_builtins(link), "verdict": link.verdict} for link in one.links],
                    "copies": [
                        {"name": member, "differences": msgspec.to_builtins(found[one.origin, member])}
                        for member in one.members[1:]
                    ],
                }
                for one in groups
            ],
            "quotes": msgspec.to_builtins(quotes),
        }
    )


def _as_text(
    groups: Sequence[Group],
    found: dict[tuple[str, str], tuple[Contradiction, ...]],
    quotes: Sequence[QuoteCheck],
    named: dict[str, Text],
) -> Iterator[str]:
    yield f"{len(named)} documents, {len(groups)} sources"
    for one in groups:
        yield f"  {one.origin}"
        for link in one.links:
            yield (
                f"    {link.smaller} and {link.larger}: {link.verdict} (word pairs {link.pairs:.0%}, "
                f"sentences carried {link.carried:.0%})"
            )
    for (origin, member), differences in found.items():
        yield ""
        yield f"{member} against {origin}: {len(differences)} differences"
        for place in differences:
            yield f"  {', '.join(place.kinds)}"
            yield from _wording(origin, place.original)
            yield from _wording(member, place.copy)
    for quote in quotes:
        where = f"stands in {quote.document}" if quote.document else "stands in none of them"
        yield f"Quote of {quote.source}: {where}"
        if quote.document is None:
            yield from _wording("quoted", quote.quote)
            yield from _wording("nearest", quote.nearest)


def _wording(who: str, text: str) -> Iterator[str]:
    if text:
        start = f"    {textwrap.shorten(who, 24, placeholder='...')}: "
        yield from textwrap.wrap(f"“{text}”", _WIDTH, initial_indent=start, subsequent_indent="      ")


def _json(data: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
