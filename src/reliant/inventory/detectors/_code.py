"""Source code of any language with strings and comments: clients, endpoints and model ids.

No grammar is needed for what is asked here. Comments are blanked, so that an
example in one is not taken for a call; each string is read with the name in front
of it (`.model("...")`, `Model: "..."`, `"model" => "..."`, `?? "..."`), and braces
tell which strings belong to one function.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from reliant.core.use import Role
from reliant.inventory.detectors._urls import model_at, models_in_body, urls_in
from reliant.inventory.idforms import holds_model, is_hub_id, looks_like_id
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import model_in_path, region_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.vendor_facts import SdkFacts
    from reliant.inventory.vendors import Vendors
    from reliant.inventory.view import FileView


@dataclass(frozen=True)
class Language:
    """What must be known of a language.

    Attributes:
        id: As in the atlas's import names.
        comments: Regular expressions of comments.
        strings: Regular expressions of strings; group 1 is the content.
        imports: Of imports; group 1 is the module, group 2 an alias if there is one.
        joint: Between the parts of a module's name.
        braces: Blocks stand in braces.
    """

    id: str
    comments: tuple[str, ...] = (r"//[^\n]*", r"/\*.*?\*/")
    strings: tuple[str, ...] = (r'"((?:[^"\\\n]|\\.)*)"',)
    imports: tuple[str, ...] = ()
    joint: str = "."
    braces: bool = True
    tokens: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Put the token pattern together."""
        notes = "|".join(self.comments)
        texts = "|".join(self.strings)
        object.__setattr__(self, "tokens", re.compile(f"(?P<note>{notes})|{texts}", re.DOTALL | re.MULTILINE))


class Literal(NamedTuple):
    """A string and where it begins."""

    value: str
    start: int


_CALL = re.compile(r"([A-Za-z_]\w*)\s*[!]?\(\s*[^()\"'`]{0,40}$")
_NAMED = re.compile(
    r"[\"']?([A-Za-z_][\w-]*)[\"']?\s*(?:\??:|=>|:?=|==|\?\?=|\|\|=)\s*(?:&|new\s+)?(?:[A-Za-z_][\w.:]*\(\s*){0,2}$"
)
_DEFAULT = re.compile(r"(?:\?\?|\?:|\|\||\bor\b|unwrap_or(?:_else)?\(\s*(?:\|_?\|\s*)?)\s*$|,\s*$")
_BASE = re.compile(
    r"(?i)\b\w*(?:base_?ur[il]|api_?base|with_?base_?url|base_?path|endpoint|api_?url|server_?url|uri_base)\w*\b"
)
_MEMBER = re.compile(r"\b([A-Za-z_]\w*)(?:\.|::)([A-Z][A-Za-z0-9_]{3,50})\b")
_CLASS = re.compile(r"\b([A-Z][A-Za-z0-9]{3,60})\b")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{3,}\Z")
_LOOKS_UP = re.compile(
    r"(?i)(?:env|environ|environment|getvar|var|config|setting|property|secret)\w*\W{1,3}$|ENV(?:\.fetch)?[\[(]\s*$"
)
_MANY_IDS = 5
_LONGEST = 400
_LONGEST_BODY = 20_000


def code_signals(file: FileView, language: Language) -> Iterator[Signal]:
    """Yield what source code says."""
    yield from _Reading(file, language).signals()


class _Reading:
    """Reads one file."""

    def __init__(self, file: FileView, language: Language) -> None:
        self.file = file
        self.vendors = file.vendors
        self.language = language
        self.code, self.literals = _split(file.text, language)
        self.blocks = _Blocks(self.code, file) if language.braces else None

    def signals(self) -> Iterator[Signal]:
        sdks = list(self._imports())
        endpoints = list(self._endpoints(sdks))
        for sdk, name, at in sdks:
            if not sdk.general:
                own = None if sdk.replaceable else sdk.provider
                yield self._signal(What.SDK, at, sdk=name, provider=own, fixed=not sdk.replaceable)
        yield from endpoints
        replaced = {sdk.provider for sdk, _, _ in sdks if sdk.replaceable and endpoints}
        yield from self._clients(sdks, endpoints)
        yield from self._variables(replaced)
        served = bool(endpoints or sdks)
        yield from self._models(served, {sdk.id for sdk, _, _ in sdks})
        if sdks:
            yield from self._members()

    def _signal(self, what: What, at: int, **more: object) -> Signal:
        line, column = self.file.place_of(at)
        block = self.blocks.at(at) if self.blocks else ()
        return Signal(what=what, line=line, column=column, block=block, **more)  # type: ignore[arg-type]

    def _imports(self) -> Iterator[tuple[SdkFacts, str, int]]:
        seen: set[str] = set()
        for pattern in self.language.imports:
            for match in re.finditer(pattern, self.code, re.MULTILINE):
                name = match[1].replace("\\\\", "\\")
                sdk = self._sdk(name)
                if sdk is not None and sdk.id not in seen:
                    seen.add(sdk.id)
                    yield sdk, _package_of(sdk, self.language.id) or name, match.start(1)

    def _sdk(self, name: str) -> SdkFacts | None:
        while name:
            found = self.vendors.module(self.language.id, name)
            if found is not None or self.language.joint not in name:
                return found
            name = name.rpartition(self.language.joint)[0]
        return None

    def _endpoints(self, sdks: list[tuple[SdkFacts, str, int]]) -> Iterator[Signal]:
        for literal in self.literals:
            if len(literal.value) > _LONGEST or (
                "." not in literal.value and "localhost" not in literal.value
            ):
                continue
            before = self.code[max(0, literal.start - 80) : literal.start]
            for url, host in urls_in(literal.value, self.vendors):
                model = model_at(url, host, self.vendors)
                if model is not None:
                    yield self._signal(What.MODEL, literal.start, model=model, provider=host.provider)
                elif not host.weak or (_BASE.search(before) and "//" in url):
                    yield self._signal(
                        What.ENDPOINT,
                        literal.start,
                        provider=host.provider,
                        endpoint=url.split("//", 1)[-1][:120],
                        region=next(iter(region_in(url)), None),
                        confidence=0.7 if host.weak else 0.9,
                    )
                    yield from self._path_model(url, host.provider, literal)
                break
            else:
                if sdks and "//" in literal.value and _BASE.search(before):
                    yield self._signal(
                        What.ENDPOINT,
                        literal.start,
                        endpoint=literal.value.split("//", 1)[1][:120],
                        confidence=0.6,
                    )

    def _path_model(self, url: str, provider: str, literal: Literal) -> Iterator[Signal]:
        """Yield the model that an address names in its path."""
        named = model_in_path(url)
        if named is not None and looks_like_id(named[0]):
            yield self._signal(
                What.MODEL, literal.start, model=named[0], provider=provider, family=named[1], confidence=0.85
            )

    def _clients(self, sdks: list[tuple[SdkFacts, str, int]], endpoints: list[Signal]) -> Iterator[Signal]:
        """Yield whom an SDK speaks to by its classes, or by default where nothing sends it elsewhere."""
        ids = {sdk.id for sdk, _, _ in sdks}
        named: set[str] = set()
        for match in _CLASS.finditer(self.code) if sdks else ():
            for sdk, name in self.vendors.named(match[1]):
                if sdk.id in ids and name.provider and not name.ignore and match[1] not in named:
                    named.add(match[1])
                    replaceable = sdk.replaceable if name.replaceable is None else name.replaceable
                    if not (replaceable and endpoints):
                        yield self._signal(
                            What.ENDPOINT, match.start(), provider=name.provider, confidence=0.8
                        )
        if endpoints or named:
            return
        elsewhere = _BASE.search(self.code) is not None
        for sdk, package, at in sdks:
            if sdk.provider and sdk.replaceable and not sdk.general:
                yield self._signal(
                    What.ENDPOINT,
                    at,
                    provider=sdk.provider,
                    sdk=package,
                    confidence=0.6 if elsewhere else 0.8,
                )

    def _variables(self, replaced: set[str | None]) -> Iterator[Signal]:
        for literal in self.literals:
            if not _VARIABLE.match(literal.value):
                continue
            env = self.vendors.env(literal.value)
            if env is None or env.weak or env.provider in replaced:
                continue
            if _LOOKS_UP.search(self.code[max(0, literal.start - 60) : literal.start]):
                yield self._signal(What.ENV, literal.start, provider=env.provider, confidence=0.7)

    def _models(self, served: bool, imported: set[str]) -> Iterator[Signal]:
        found: list[tuple[Literal, bool, str | None]] = []
        loose = 0
        for index, literal in enumerate(self.literals):
            value = literal.value
            for model, at in models_in_body(value) if len(value) < _LONGEST_BODY else ():
                if (
                    self.vendors.developer(model)
                    or self.vendors.knows_id(model)
                    or (served and is_hub_id(model))
                ):
                    yield self._signal(What.MODEL, literal.start + at, model=model, confidence=0.8)
            if not looks_like_id(value) or len(value) < 3:
                continue
            name, env = self._name_of(index)
            holds = bool(name) and holds_model(name)
            known = self.vendors.knows_id(value) or self.vendors.developer(value) is not None
            if holds and (known or (served and (is_hub_id(value) or _has_digit_and_dash(value)))):
                found.append((literal, True, env))
                continue
            loose += known and not holds
            if known and not holds and self.vendors.knows_id(value) and _has_digit_and_dash(value):
                found.append((literal, False, env))
        for literal, held, env in found:
            role = Role.LISTED if not held and loose >= _MANY_IDS else None
            provider, model = self._prefixed(literal.value)
            provider = provider or self._of_call(literal, imported)
            yield self._signal(
                What.MODEL,
                literal.start,
                model=model,
                provider=provider,
                role=role,
                env=env,
                confidence=0.85 if held else 0.6,
            )

    def _of_call(self, literal: Literal, imported: set[str]) -> str | None:
        """Return the provider of the function that a string is given to, if it speaks to nobody else."""
        call = _CALL.search(self.code[max(0, literal.start - 120) : literal.start])
        for sdk, name in self.vendors.named(call[1]) if call else ():
            if sdk.id in imported and name.provider and name.replaceable is False:
                return name.provider
        return None

    def _prefixed(self, value: str) -> tuple[str | None, str]:
        head, colon, rest = value.partition(":")
        provider = self.vendors.prefix(head) if colon and rest and not rest[0].isdigit() else None
        return (provider, rest) if provider and self.vendors.developer(rest) else (None, value)

    def _name_of(self, index: int) -> tuple[str, str | None]:
        """Return the name that a string is given to, and the variable that replaces it."""
        literal = self.literals[index]
        before = self.code[max(0, literal.start - 120) : literal.start]
        previous = self.literals[index - 1] if index else None
        if previous is not None and _DEFAULT.search(before):
            between = self.code[previous.start : literal.start]
            if between.count("\n") <= 2 and len(between) < 160:
                if _VARIABLE.match(previous.value):
                    return previous.value, previous.value
                if holds_model(previous.value):
                    return previous.value, None
        call = _CALL.search(before)
        match = call if call and holds_model(call[1]) else _NAMED.search(before) or call
        if match is not None:
            return match[1], None
        if previous is not None and re.match(
            r"\W{1,8}\Z", self.code[previous.start + len(previous.value) + 2 : literal.start] or "-"
        ):
            return previous.value, None
        return "", None

    def _members(self) -> Iterator[Signal]:
        """Yield ids that an SDK has a constant for, such as `sdk.AcmeChat2Mini` for `acme-chat-2-mini`."""
        known = _squeezed(self.vendors)
        seen: set[str] = set()
        for match in _MEMBER.finditer(self.code):
            plain = re.sub(r"[^a-z0-9]", "", match[2].lower())
            id_ = known.get(plain) or known.get(plain.removeprefix("chatmodel").removeprefix("model"))
            if id_ is not None and id_ not in seen and any(c.isdigit() for c in plain):
                seen.add(id_)
                yield self._signal(What.MODEL, match.start(2), model=id_, confidence=0.8)


def _has_digit_and_dash(value: str) -> bool:
    return any(c.isdigit() for c in value) and ("-" in value or "." in value)


_SQUEEZED: dict[str, dict[str, str]] = {}


def _squeezed(vendors: Vendors) -> dict[str, str]:
    """Return the ids that the atlas lists, by their letters and digits alone."""
    found = _SQUEEZED.get(vendors.version)
    if found is None:
        ids = sorted(vendors.known_ids, key=len, reverse=True)
        found = {re.sub(r"[^a-z0-9]", "", id_): id_ for id_ in ids if len(id_) > 4}
        _SQUEEZED.clear()
        _SQUEEZED[vendors.version] = found
    return found


def _package_of(sdk: SdkFacts, language: str) -> str | None:
    registry = {
        "java": "maven",
        "csharp": "nuget",
        "rust": "cargo",
        "ruby": "rubygems",
        "php": "packagist",
        "go": "go",
    }
    names = sdk.packages.get(registry.get(language, ""), ())
    return names[0] if names else None


def _split(text: str, language: Language) -> tuple[str, list[Literal]]:
    """Return the code with comments blanked, and its strings."""
    parts: list[str] = []
    literals: list[Literal] = []
    at = 0
    for match in language.tokens.finditer(text):
        parts.append(text[at : match.start()])
        if match["note"] is not None:
            parts.append(re.sub(r"[^\n]", " ", match[0]))
        else:
            value = next((group for group in match.groups()[1:] if group is not None), "")
            literals.append(Literal(value, match.start()))
            parts.append(match[0])
        at = match.end()
    parts.append(text[at:])
    return "".join(parts), literals


class _Blocks:
    """Which braces stand around a place: of classes and functions, not of every branch."""

    _DEEPEST = 3

    def __init__(self, code: str, file: FileView) -> None:
        self._spans: list[tuple[int, int, int]] = []
        open_: list[int] = []
        for match in re.finditer(r"[{}]|\"(?:[^\"\\\n]|\\.)*\"", code):
            if match[0] == "{":
                open_.append(match.start())
            elif match[0] == "}" and open_:
                start = open_.pop()
                if len(open_) < self._DEEPEST:
                    self._spans.append((start, match.end(), len(open_)))
        self._spans.sort()
        self._starts = [start for start, _, _ in self._spans]
        self._file = file

    def at(self, offset: int) -> tuple[str, ...]:
        """Return the blocks around a place, outermost first."""
        last = bisect.bisect_right(self._starts, offset)
        around = [span for span in self._spans[max(0, last - 400) : last] if span[1] > offset]
        return tuple(f"{self._file.line_of(start)}" for start, _, _ in around[: self._DEEPEST])
