"""Checks of one record by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reliant.atlas._checks.walk import key_of, mappings, texts
from reliant.core.dates import PartialDate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.atlas._read import Folder, Found
    from reliant.errors import RecordError

MAX_QUOTE_WORDS = 25
"""As much as shows what was said; more would be a copy."""

_DATE_FORM = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CJK_PER_WORD = 2
"""Two Chinese or Japanese letters carry about as much as one word."""

_SPANS = (
    ("from", "to"),
    ("from", "last_known"),
    ("date", "end"),
    ("on", "until"),
    ("not_before", "not_after"),
)
"""Names of a beginning and its end, wherever they stand in one mapping."""

_PATTERN_FIELDS = {"model_id_regex", "serving_id_regex", "id_patterns", "derivative_patterns"}
_ADDRESS_FIELDS = {"url", "api_base_urls", "base_url", "default_base_url", "openai_base_url"}
_SHARED_SOURCE = "source"


def has_sources(found: Found, _: Folder) -> Iterator[RecordError]:
    """A claim without a source cannot be checked by anybody."""
    if not found.record.sources and found.kind.name != _SHARED_SOURCE:
        yield found.error(("sources",), "has no source", "Say who said it, where and when.")


def words(text: str) -> int:
    """Return how many words a text has, in any script.

    Examples:
        >>> words("additional measures to block"), words("截至6月30日累计988款")
        (4, 7)
    """
    cjk = len(_CJK.findall(text))
    spaced = len([word for word in _CJK.sub(" ", text).split() if any(letter.isalnum() for letter in word)])
    return spaced + -(-cjk // _CJK_PER_WORD)


def quotes_are_short(found: Found, _: Folder) -> Iterator[RecordError]:
    """A quote shows what was said; it does not copy it."""
    for place, text in texts(found.document.data):
        if key_of(place) == "quote" and (count := words(text)) > MAX_QUOTE_WORDS:
            problem = f"{_named(place)}: has {count} words, more than {MAX_QUOTE_WORDS}"
            yield found.error(place, problem, "Quote the words that carry the claim.")


def dates_are_days(found: Found, _: Folder) -> Iterator[RecordError]:
    """A text in the form of a date names a day, month or year that exists."""
    for place, text in texts(found.document.data):
        if _DATE_FORM.match(text) and key_of(place) not in {"id", "name", "title", "quote", "value"}:
            try:
                PartialDate.parse(text)
            except ValueError as error:
                yield found.error(place, f"{_named(place)}: {error}")


def ends_follow_beginnings(found: Found, _: Folder) -> Iterator[RecordError]:
    """Nothing ends before it begins."""
    for place, data in mappings(found.document.data):
        for start_key, end_key in _SPANS:
            start, end = _date(data.get(start_key)), _date(data.get(end_key))
            if start is not None and end is not None and end.latest < start.earliest:
                problem = f"{_named((*place, end_key))}: {end} lies before {start_key} {start}"
                yield found.error((*place, end_key), problem)


def published_before_retrieved(found: Found, _: Folder) -> Iterator[RecordError]:
    """Nobody reads what is not out yet."""
    for place, data in mappings(found.document.data):
        published, retrieved = _date(data.get("published")), _date(data.get("retrieved"))
        if published is not None and retrieved is not None and published.earliest > retrieved.latest:
            yield found.error(
                (*place, "retrieved"), f"{_named(place)}: was retrieved before it was published"
            )


def counts_hold(found: Found, _: Folder) -> Iterator[RecordError]:
    """Numbers that the record asserts about itself are counted."""
    asserted = found.document.data.get("assert")
    for name, wanted in (asserted if isinstance(asserted, dict) else {}).items():
        held = found.document.data
        for part in str(name).split("."):
            held = held.get(part) if isinstance(held, dict) else None
        if not isinstance(held, list | dict):
            yield found.error(("assert", name), f"assert.{name}: there is nothing of that name to count")
        elif len(held) != wanted:
            yield found.error(("assert", name), f"assert.{name}: says {wanted}, and there are {len(held)}")
    for place, data in mappings(found.document.data):
        count, places = data.get("count"), data.get("places")
        if isinstance(count, int) and isinstance(places, list) and count != len(places):
            problem = f"{_named((*place, 'count'))}: says {count}, and there are {len(places)} places"
            yield found.error((*place, "count"), problem)
        if isinstance(places, list) and len(set(map(str, places))) != len(places):
            twice = sorted({str(one) for one in places if places.count(one) > 1})
            yield found.error((*place, "places"), f"{_named((*place, 'places'))}: names {twice[0]} twice")


def patterns_compile(found: Found, _: Folder) -> Iterator[RecordError]:
    """A regular expression is one."""
    for place, text in texts(found.document.data):
        if key_of(place) in _PATTERN_FIELDS:
            try:
                re.compile(text)
            except re.error as error:
                yield found.error(place, f"{_named(place)}: is no regular expression: {error}")


def addresses_are_web(found: Found, _: Folder) -> Iterator[RecordError]:
    """An address can be opened: http or https, with a host, without spaces."""
    for place, text in texts(found.document.data):
        if key_of(place) in _ADDRESS_FIELDS and not re.match(r"https?://[^\s/]+(/\S*)?\Z", text):
            yield found.error(place, f"{_named(place)}: {text!r} is no web address")


def memory_names_fields(found: Found, _: Folder) -> Iterator[RecordError]:
    """What is said to be from memory stands in the record."""
    data = found.document.data
    for index, name in enumerate(data.get("from_memory") or ()):
        held: Any = data
        for part in str(name).split("."):
            held = held.get(part) if isinstance(held, dict) else None
        if held is None:
            yield found.error(("from_memory", index), f"from_memory: the record has no {name!r}")


def confirmed_was_read(found: Found, _: Folder) -> Iterator[RecordError]:
    """Nothing is confirmed by memory alone."""
    record = found.record
    only_memory = record.sources and all(source.kind == "general" for source in record.sources.values())
    if only_memory and record.confidence == "confirmed":
        yield found.error(
            ("confidence",), "confidence: is confirmed, and no source was read", "Say uncertain."
        )


def _date(value: Any) -> PartialDate | None:
    if not isinstance(value, str) or not _DATE_FORM.match(value):
        return None
    try:
        return PartialDate.parse(value)
    except ValueError:
        return None


def _named(place: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in place)
