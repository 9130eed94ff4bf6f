"""One pass over the bytes of a file for every literal that any detector cares about.

An automaton over some thousand literals reads a file once, at the speed of memory. What it
finds is checked at its place (a word inside a longer word is no hit), so that only files
with something in them are ever parsed.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from reliant.inventory.idforms import is_hub_id
from reliant.inventory.literals import literals
from reliant.inventory.urls import region_in
from reliant.inventory.view import FileView, Hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.inventory.signals import Detector
    from reliant.inventory.vendors import Vendors

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")
_LETTER = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789")
_QUOTES = (b'"', b"'", b"`")
_MARKS = frozenset(b"\"'`")
_MOST_MODULES = 2_000
_MOST_HITS = 20_000
"""Per file. A price table of 40,000 ids needs no more to be worth parsing."""


class Prefilter:
    """The automaton, and the kind of each of its patterns."""

    def __init__(self, vendors: Vendors, detectors: tuple[Detector, ...], *, to_read: int = 0) -> None:
        kinds: dict[bytes, str] = {}
        for stem in vendors.id_stems:
            for quote in _QUOTES:
                kinds.setdefault(quote + stem.encode(), "id")
            kinds.setdefault(b"/" + stem.encode(), "id")
        for detector in detectors:
            for pattern in detector.wants.patterns:
                kinds[pattern.encode()] = "pattern"
        for module in vendors.module_patterns:
            kinds[module.encode()] = "module"
        for name in vendors.env_patterns:
            kinds[name.encode()] = "env"
        for program in vendors.program_patterns:
            kinds[program.encode()] = "program"
        for image in vendors.image_patterns:
            for before in ("", "'", '"', "`"):
                kinds[f"{before}{image}".encode()] = "image"
        for host in vendors.host_patterns:
            kinds[host.encode()] = "host"
            kinds[b"/" + host.encode()] = "host"  # else `/stem` of an id would win one place earlier
        self._variables = frozenset(name.encode() for name in vendors.env_patterns)
        self.patterns = sorted(kinds)
        self._kinds = [kinds[pattern] for pattern in self.patterns]
        self._literals = literals(self.patterns, to_read=to_read)

    def hits(self, data: bytes) -> list[Hit]:
        """Return what is found in `data`, by offset."""
        low = data.lower()
        found = []
        modules = 0
        for index, start, end in self._literals.find_matches_as_indexes(low):
            kind = self._kinds[index]
            if kind in {"module", "env"} and start and low[start] in _WORD and low[start - 1] in _LETTER:
                continue
            if kind == "module" and end < len(low) and low[end] in _WORD:
                # `"acme_api_key"` begins as the module `"acme` does.
                name = _NAME.match(low, start + 1) if low[start] in _MARKS else None
                if name is not None and name[0] in self._variables:
                    found.append(Hit("env", start + 1, name[0].decode()))
                continue
            if kind == "module":
                modules += 1
                if modules > _MOST_MODULES:
                    continue
            key = self.patterns[index].decode()
            if kind == "host" and key[0] == "/":
                key, start = key[1:], start + 1  # noqa: PLW2901 - the host begins behind the slash
            elif kind == "image" and key[0] in "'\"`":
                key, start = key[1:], start + 1  # noqa: PLW2901 - as above, behind the quote
            found.append(Hit(kind, start, key))
            if len(found) >= _MOST_HITS:
                break
        return found


# How many bytes before a hit are looked at: a line of generated code may be as long as its file.
_NEAR = 400
_BROUGHT = re.compile(rb"from\s+[\w.]+\s+import\s+(\([^)]*\)|[^\n]*)")
_CLASS = re.compile(rb"\b[A-Z]\w*[a-z]")
_NAME = re.compile(rb"[A-Za-z0-9_]+")
_TOKEN = re.compile(rb"[A-Za-z0-9._:@/+-]{2,120}")
_REQUIRES = re.compile(rb"(?:from|import|require|import_module|__import__)\s*\(?\s*$")
_KEY = re.compile(rb"""["'`]\s*(?::|\])""")
_ASKED = re.compile(rb"(?:[=!]=|\bin\s*[\[({]?|startswith\(|endswith\(|case)[^\w=]*$")
_CALLED = re.compile(rb"^[\w.-]+/(?:api/|backend|v1/)|/resolve/")
_STARTS = re.compile(rb"\b(?:subprocess|Popen|spawn|execa|execFile|child_process|check_output)(?:Sync)?\b")
_PLACES = re.compile(r"region|location")
_PICKS = re.compile(r"provider|backend|vendor|engine")
_SCAN = re.compile(rb"[\"'`]([A-Za-z0-9._:@/+-]{2,120})[\"'`]")


def telling(file: FileView, *, own: frozenset[str] = frozenset()) -> list[Hit]:
    """Return the hits that make a source file worth reading: outside of long texts and comments.

    An id counts if it is one of a known form, a host if it is no mere web site, an import if it
    is not of the project itself, a call pattern if a text follows.
    """
    data = file.data
    found = []
    quotes = {b'"""': [0, 0], b"'''": [0, 0]}
    for hit in file.hits:
        inside = False
        for mark, state in quotes.items():
            # A hit may begin with the last quote of a mark: the mark is counted from where it begins.
            while (at := data.find(mark, state[0], hit.start + 2)) >= 0:
                state[:] = at + 3, state[1] + 1
            state[0] = max(state[0], hit.start)
            inside = inside or state[1] % 2 == 1
        if inside and (hit.kind != "host" or hit.key in file.vendors.weak_patterns):
            continue
        start = data.rfind(b"\n", 0, hit.start) + 1
        opening = data[start : min(hit.start, start + _NEAR)].lstrip()
        if opening.startswith((b"#", b"//", b"*", b">>>")) or (opening[:1] == b"@" and hit.kind == "id"):
            continue
        before = data[max(start, hit.start - _NEAR) : hit.start].lstrip()
        if _counts(file, hit, before, own, brought=opening.startswith(b"import ")):
            found.append(hit)
    if all(hit.kind == "pattern" and hit.key.endswith("(") for hit in found):
        # A loader without any library of others in sight counts only with an id at its side.
        return [hit for hit in found if _text_follows(data, hit)]
    return found


def _text_follows(data: bytes, hit: Hit) -> bool:
    at = hit.start + len(hit.key)
    value = _SCAN.match(data[at : at + 160].lstrip())
    return value is not None and b"/" in value[1]


def only_imports_loaders(file: FileView, hits: Sequence[Hit]) -> bool:
    """Say whether all that is hit are imports of helpers from libraries that load weights.

    A class or a whole module that is imported may load something; a helper in lower case does not.
    """
    data = file.data
    for hit in hits:
        if hit.kind != "module" or hit.key[0] in "\"'":
            return False
        name = hit.key.removeprefix("import ").removeprefix("from ").replace(" import ", ".")
        sdk = file.vendors.module("python", name)
        if sdk is None or sdk.kind not in {"open-weights", "embedding", "tokenizer"}:
            return False
        if sdk.general and not sdk.names and not sdk.services:
            continue
        brought = _BROUGHT.match(data[hit.start : hit.start + 600])
        if brought is None or _CLASS.search(brought[1]):
            return False
    return True


def _counts(file: FileView, hit: Hit, before: bytes, own: frozenset[str], *, brought: bool) -> bool:
    data = file.data
    if hit.kind == "env":
        written = _NAME.match(data[hit.start : hit.start + 60])
        entry = file.vendors.env(written[0].decode()) if written else None
        return entry is not None and not entry.weak
    if hit.kind == "program":
        return _STARTS.search(data) is not None
    if hit.kind == "image":
        return data[hit.start + len(hit.key) : hit.start + len(hit.key) + 1] == b":"
    if hit.kind == "host":
        if hit.key not in file.vendors.weak_patterns:
            return True
        url = data[hit.start : hit.start + 160]
        return _CALLED.search(url) is not None and b"/datasets/" not in url
    if hit.kind == "module":
        name = (
            hit.key.lstrip("\"'")
            .removeprefix("import ")
            .removeprefix("from ")
            .partition(" ")[0]
            .partition(".")[0]
            .partition("/")[0]
        )
        if hit.key[0] not in "\"'" and " " not in hit.key:
            # How other languages write it, or the second name of an import.
            return name not in own and brought
        return name not in own and (hit.key[0] not in "\"'" or _REQUIRES.search(before) is not None)
    after = data[hit.start : hit.start + 160]
    if hit.kind == "id":
        begin = max(before.rfind(b'"'), before.rfind(b"'"), before.rfind(b"`")) if hit.key[0] == "/" else -1
        head = before[begin + 1 :] if begin >= 0 else b""
        token = _TOKEN.match(after[1:])
        text = (head + after[:1] * (hit.key[0] == "/") + token[0]).decode("ascii", "replace") if token else ""
        if not text or " " in text or not _plausible(file.vendors, text):
            return False
        rest = after[1 + len(token[0]) :] if token else b""
        if rest[:1] not in {b'"', b"'", b"`"} or before.endswith((b'""', b"''")):
            return False  # the first word of a sentence
        return not (_KEY.match(rest) or _ASKED.search(before[: begin if begin >= 0 else None]))
    if hit.key.endswith("("):
        return not before.endswith(b"def ")
    if _PICKS.search(hit.key):
        return _picks(file, data[hit.start + 1 : hit.start + 400], option="--" in hit.key)
    if "--" in hit.key:
        return b"default" in after
    if _PLACES.search(hit.key):
        said = _SCAN.search(data[hit.start + len(hit.key) - 1 : hit.start + 80])
        return said is not None and any(region_in(said[1].decode("ascii", "replace")))
    # A pattern may be a key in quotes: the text looked for is the one behind it.
    value = _SCAN.search(data[hit.start + len(hit.key) - 1 : hit.start + 160])
    return value is not None and _plausible(file.vendors, value[1].decode("ascii", "replace"), slot=True)


def _picks(file: FileView, after: bytes, *, option: bool) -> bool:
    """Say whether a setting or an option names a provider as the one taken unless asked otherwise."""
    if option and b"default" not in after:
        return False
    said = [text.decode("ascii", "replace") for text in _SCAN.findall(after, 0, 400 if option else 120)]
    return any(file.vendors.is_name(text) for text in (said if option else said[:1]))


@functools.lru_cache(maxsize=50_000)
def _plausible(vendors: Vendors, text: str, *, slot: bool = False) -> bool:
    if vendors.knows_id(text):
        return True
    if (
        any(c.isdigit() for c in text)
        and ("-" in text or ":" in text or "/" in text)
        and vendors.developer(text)
    ):
        return True
    return slot and (
        is_hub_id(text) or vendors.developer(text) is not None or vendors.serves_id(text) is not None
    )


def again(file: FileView, text: str) -> FileView:
    """Return a view of a text that stands inside of a file, with the file's hits as a whole.

    The hits of the file are enough to say that the text is worth reading, but not where.
    """
    data = text.encode("utf-8", "replace")
    low = data.lower()
    hits = [
        Hit(hit.kind, max(low.find(hit.key.encode()), 0), hit.key)
        for hit in {hit.key: hit for hit in file.hits}.values()
    ]
    return FileView(
        file.path, data, file.scope, vendors=file.vendors, hits=sorted(hits, key=lambda h: h.start)
    )
