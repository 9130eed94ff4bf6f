"""Reads any text line by line: for files that do not parse, and where parsing is not worth it.

It knows no grammar. It sees hosts of vendors in URLs, ids in quotes beside a name that holds
models, and import lines, and says so with less confidence than a parser would.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from reliant.core.use import Role, Scope
from reliant.inventory.idforms import (
    holds_model,
    is_hub_id,
    is_reference,
    is_weight_file,
    looks_like_id,
    several_ids,
    snake,
)
from reliant.inventory.served import cannot_serve
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reliant.inventory.vendor_facts import Host, SdkFacts
    from reliant.inventory.view import FileView

_URL = re.compile(r"(?:https?|wss?)://[^\s\"'`<>)\]]+")
_PAIR = re.compile(
    r"""([A-Za-z_][\w.-]{1,50})["'\]]?\s*(?::\s*[\w.\[\] |]{0,30}\s*)?(?:=|:|=>)\s*"""
    r"""["'`]([^"'`\s]{2,100})["'`]"""
)
_NAMED = re.compile(r"""([A-Za-z_][\w-]*)["'\]]?\s*(?:=|:|=>)\s*["'`]?$""")
_PYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import|import\s+([\w.]+))")
_JS_IMPORT = re.compile(r"""(?:from\s+|require\(\s*|import\(\s*|import\s+)["']([^"'\s]{2,80})["']""")
_BYTES_URL = re.compile(rb"(?:https?|wss?)://[A-Za-z0-9._-]{4,80}")
_BUNDLED = re.compile(rb"""[{,(]["']?model(?:Id|Name)?["']?:\s?["'`]([A-Za-z0-9][\w.:/@-]{2,80})["'`]""")
_NEAR_BEFORE = 400
_NEAR_BEHIND = 1_200
_MOST_TOLD = 40
_VERSION = re.compile(r"^v?\d+(?:[.-]\d+)*(?:[a-z]+\d*)?$")
_LONGEST_LINE = 2_000
_MOST_HITS = 3_000


def read(file: FileView, *, language: str = "", confidence: float = 0.5) -> Iterator[Signal]:
    """Yield what single lines of `file` show."""
    vendors = file.vendors
    aside = file.scope not in {Scope.CODE, Scope.CONFIG, Scope.MANIFEST}
    for number, line in _lines_with_hits(file):
        for match in _URL.finditer(line):
            found = vendors.host_in(match[0])
            if found is None or found[1].weak:
                continue
            named = _NAMED.search(line, max(0, match.start() - 50), match.start())
            if named is not None and is_reference(named[1]):
                continue
            yield Signal(
                what=What.ENDPOINT,
                line=number,
                column=match.start() + 1,
                provider=found[1].provider,
                endpoint=found[0],
                region=found[1].estate,
                confidence=confidence,
            )
        if language:
            pattern = _PYTHON_IMPORT if language == "python" else _JS_IMPORT
            for match in pattern.finditer(line):
                sdk = vendors.module(language, next(group for group in match.groups() if group))
                if sdk is not None and not sdk.general:
                    yield Signal(
                        what=What.SDK,
                        line=number,
                        column=match.start() + 1,
                        sdk=sdk_name(sdk, language, next(group for group in match.groups() if group)),
                        provider=None if sdk.replaceable else sdk.provider,
                        fixed=not sdk.replaceable,
                        confidence=confidence,
                    )
        for match in _PAIR.finditer(line):
            name, text = match[1], match[2]
            if not holds_model(name) or not looks_like_id(text) or not known_form(file, text):
                continue
            yield Signal(
                what=What.MODEL,
                line=number,
                column=match.start(2) + 1,
                model=text,
                confidence=confidence,
                role=Role.OPTIONAL if aside else None,
            )


def _lines_with_hits(file: FileView) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines of the hits, those that say most first while there is room."""
    data = file.data
    at = number = done = 0
    hits = sorted(file.hits, key=lambda hit: (hit.kind == "module", hit.start))[:_MOST_HITS]
    for hit in sorted(hits, key=lambda hit: hit.start):
        number += data.count(b"\n", at, hit.start)
        at = hit.start
        if number + 1 == done:
            continue
        done = number + 1
        start = data.rfind(b"\n", 0, hit.start) + 1
        end = data.find(b"\n", hit.start)
        if (end if end >= 0 else len(data)) - start <= _LONGEST_LINE:
            yield done, data[start : end if end >= 0 else len(data)].decode("utf-8", "replace")


def known_form(file: FileView, text: str) -> bool:
    """Say whether an id is one the atlas knows, or has the form of a known developer's ids and a digit."""
    if file.vendors.knows_id(text):
        return True
    if "test" in text.lower() or "fake" in text.lower():
        return False
    return file.vendors.developer(text) is not None and any(c.isdigit() for c in text)


T = TypeVar("T", bound="Told")


class Told(Protocol):
    """A value as the readers of a language have it; its text is None if not known."""

    @property
    def text(self) -> str | None:
        """What it is."""

    def _replace(self, *, text: str | None) -> Self:
        """Return it with another text."""


def each_id(file: FileView, found: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Yield the values; of one that lists ids with commas each, and whether it is one more of these."""
    for value in found:
        ids = several_ids(value.text or "")
        if ids and all(known_form(file, one) for one in ids):
            for number, one in enumerate(ids):
                yield value._replace(text=one), number > 0
        else:
            yield value, False


def how_sure(file: FileView, name: str, text: str, has_sdk: bool) -> float:
    """Return how sure it is that `text` under `name` is a model id; 0 if it is not taken for one."""
    if is_weight_file(text):
        return 0.6
    if (text.isupper() and "_" in text and not file.vendors.serves_id(text)) or file.vendors.is_name(text):
        return 0.0
    if known_form(file, text):
        return 0.85
    if file.vendors.developer(text) is not None:
        return 0.7
    if file.vendors.serves_id(text) is not None:
        return 0.6
    if is_hub_id(text):
        return 0.7
    plain = snake(name)
    letters = any(c.isalpha() for c in text)
    digits = any(c.isdigit() for c in text)
    holds = any(word in plain for word in ("model", "llm", "repo", "deployment"))
    if letters and digits and holds and not _VERSION.match(text):
        return 0.5
    if "-" in text and has_sdk and "model" in plain:
        return 0.4
    return 0.0


def _span(data: bytes, at: int) -> bytes:
    """Return the brackets around a place of a bundle, as far as they are near: a call or an object."""
    start, depth = at, 0
    while start > max(0, at - _NEAR_BEFORE):
        start -= 1
        mark = data[start]
        if mark in b")}]":
            depth += 1
        elif mark in b"({[":
            depth -= 1
            if depth < 0:
                break
    else:
        return b""
    end, depth = start + 1, 1
    last = min(len(data), at + _NEAR_BEHIND)
    while end < last and depth:
        mark = data[end]
        depth += (mark in b"({[") - (mark in b")}]")
        end += 1
    return data[start:end] if not depth else b""


def _models_beside(file: FileView, at: int, host: str, found: Host) -> Iterator[Signal]:
    """Yield the models that stand in one call or object of a bundle with an address that can serve them."""
    for match in _BUNDLED.finditer(_span(file.data, at)):
        model = match[1].decode("ascii", "replace")
        if not looks_like_id(model) or not known_form(file, model):
            continue
        if not cannot_serve(found.provider, model, file.vendors):
            yield Signal(
                what=What.MODEL,
                line=file.data.count(b"\n", 0, at) + 1,
                model=model,
                provider=found.provider,
                endpoint=host,
                region=found.estate,
                confidence=0.6,
            )


def bundle(file: FileView) -> Iterator[Signal]:
    """Yield the hosts of a minified bundle, whose lines are too long to be read as lines.

    A model counts only where it stands in one call or one object with the host that serves it.
    """
    seen: set[str] = set()
    told: set[tuple[str | None, str | None]] = set()
    for hit in file.hits:
        entry = file.vendors.env(hit.key) if hit.kind == "env" else None
        if entry is not None and not entry.weak and hit.key not in seen:
            seen.add(hit.key)
            line = file.data.count(b"\n", 0, hit.start) + 1
            yield Signal(
                what=What.ENV, line=line, provider=entry.provider, env=hit.key.upper(), confidence=0.5
            )
    for match in _BYTES_URL.finditer(file.data):
        url = match[0].decode("ascii", "replace")
        found = file.vendors.host_in(url)
        if found is None or found[1].weak:
            continue
        for signal in _models_beside(file, match.start(), *found) if len(told) < _MOST_TOLD else ():
            if (signal.provider, signal.model) not in told:
                told.add((signal.provider, signal.model))
                yield signal
        if found[0] in seen:
            continue
        seen.add(found[0])
        line = file.data.count(b"\n", 0, match.start()) + 1
        yield Signal(
            what=What.ENDPOINT,
            line=line,
            provider=found[1].provider,
            endpoint=found[0],
            region=found[1].estate,
            confidence=0.5,
        )


def sdk_name(sdk: SdkFacts, language: str, module: str = "") -> str:
    """Return the name under which the registry of a language has an SDK; of several the one of the module."""
    registry = {"python": "pypi", "js": "npm"}.get(language, language)
    names = sdk.packages.get(registry) or next(iter(sdk.packages.values()), ())
    wanted = module.lower().replace("_", "-")
    flat = wanted.replace(".", "-")
    for name in names:
        plain = name.lower().replace("_", "-")
        if wanted and (
            flat == plain or flat.startswith((f"{plain}-", f"{plain}/")) or wanted.partition(".")[0] == plain
        ):
            return name
    return names[0] if names else sdk.id
