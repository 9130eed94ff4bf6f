"""Joins files of a project: what one asks, another answers.

`OpenAI(base_url=settings.llm_url)` stands in one file, `llm_url: str = "https://..."` in another.
The reader of the first leaves a question in its signal (`asks`), the reader of the second leaves
facts. Names are looked up by the module they are imported from, attributes and keys by their name
if the project gives them one meaning; what an object asks of itself, only where one file answers.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Scope
from reliant.inventory.idforms import looks_like_id
from reliant.inventory.shape import Shape
from reliant.inventory.signals import Signal, What
from reliant.inventory.urls import host_of, region_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reliant.inventory.engine import Seen
    from reliant.inventory.placed import Placed
    from reliant.inventory.vendors import Vendors

_MOST = 6
"""Values that one attribute or key may have over the project before it means nothing."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """A text that a name of a file holds, and where it stands."""

    text: str
    line: int
    column: int = 0
    env: str | None = None
    said: str = ""


class Form(msgspec.Struct, frozen=True, array_like=True):
    """A class that holds settings.

    Attributes:
        fields: The names of all its fields.
        models: Of those that hold a text, and so perhaps a model, the first and last line of the default.
        inner: Of those that are settings themselves, their class.
    """

    fields: tuple[str, ...]
    models: dict[str, tuple[int, int]] = {}
    inner: dict[str, str] = {}


class FileFacts(msgspec.Struct, frozen=True):
    """What a file tells the others: module constants, fields of its classes, keys of its tables, forks."""

    module: str
    names: dict[str, list[Known]] = {}
    fields: dict[str, list[Known]] = {}
    keys: dict[str, list[Known]] = {}
    shape: Shape | None = None
    forms: dict[str, Form] = {}
    given: tuple[str, ...] = ()
    """Of a file of settings: the keys that it sets, `agent.llm` for one inside of another."""


class Answers:
    """The facts of all files, by what can be asked."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        self._modules: dict[str, list[tuple[str, Scope, FileFacts]]] = defaultdict(list)
        self._fields: dict[str, list[tuple[str, Scope, Known]]] = defaultdict(list)
        self._keys: dict[str, list[tuple[str, Scope, Known]]] = defaultdict(list)
        for entry in seen:
            if entry.scope not in {Scope.CODE, Scope.CONFIG}:
                continue
            for facts in entry.facts:
                self._modules[facts.module.rpartition(".")[2]].append((entry.path, entry.scope, facts))
                for table, into in ((facts.fields, self._fields), (facts.keys, self._keys)):
                    for name, known in table.items():
                        into[name].extend((entry.path, entry.scope, one) for one in known)

    def to(self, question: str) -> list[tuple[str, Scope, Known]]:
        """Return the answers to a question, with the file each stands in; none if they disagree too much."""
        kind, _, rest = question.partition(":")
        if kind == "name":
            module, _, name = rest.rpartition(":")
            return self._named(module, name)
        if kind == "self":
            found = self._fields.get(rest, [])
            return found if len({path for path, _, _ in found}) == 1 else []
        table = self._fields if kind == "attr" else self._keys if kind == "key" else {}
        found = table.get(rest, [])
        if not found and kind == "attr":
            found = self._keys.get(rest, []) or self._keys.get(rest.upper(), [])
        return found if len({known.text for _, _, known in found}) <= _MOST else []

    def _named(self, module: str, name: str) -> list[tuple[str, Scope, Known]]:
        parts = module.split(".")
        for depth in range(len(parts), 0, -1):
            # `settings.MODEL` may mean the module `settings` or an object of that name in it.
            for path, scope, facts in self._modules.get(parts[depth - 1], ()):
                if not facts.module.endswith(".".join(parts[:depth])):
                    continue
                if name in facts.names:
                    return [(path, scope, known) for known in facts.names[name]]
        if name in self._fields:
            return self.to(f"attr:{name}")
        return []


def answered(placed: Sequence[Placed], seen: Sequence[Seen], vendors: Vendors) -> list[Placed]:
    """Return the signals with their questions answered; a model that nobody can name is dropped."""
    if not any(p.signal.asks or p.signal.region_asks for p in placed):
        return list(placed)
    answers = Answers(seen)
    placed = [_in_region(p, answers) if p.signal.region_asks else p for p in placed]
    asking: dict[str, set[tuple[str, tuple[str, ...]]]] = defaultdict(set)
    for p in placed:
        if p.signal.asks and not p.signal.asks.startswith("name:"):
            asking[p.signal.asks].add((p.path, p.signal.block[:1]))
    found: list[Placed] = []
    for p in placed:
        signal = p.signal
        if not signal.asks:
            found.append(p)
        elif len(asking[signal.asks]) > 1:
            # Several classes ask for `config.model`: each means a configuration of its own.
            found += [p._replace(signal=msgspec.structs.replace(signal, asks=""))]
        elif signal.what is What.ENDPOINT:
            found += _endpoints(p, answers.to(signal.asks), vendors)
        else:
            found += _models(p, answers.to(signal.asks))
    return found


def _in_region(p: Placed, answers: Answers) -> Placed:
    """Return a signal with the region that another file gives; none if files disagree."""
    said = {region for _, _, known in answers.to(p.signal.region_asks) for region in region_in(known.text)}
    region = p.signal.region or (said.pop() if len(said) == 1 else None)
    return p._replace(signal=msgspec.structs.replace(p.signal, region=region, region_asks=""))


def _endpoints(p: Placed, answers: list[tuple[str, Scope, Known]], vendors: Vendors) -> list[Placed]:
    found: dict[tuple[str | None, str], Signal] = {}
    for _, _, known in answers:
        hit = vendors.host_in(known.text)
        host = hit[0] if hit else host_of(known.text)
        if host is None:
            continue
        provider = hit[1].provider if hit else None
        found[provider, host] = msgspec.structs.replace(
            p.signal,
            provider=provider,
            endpoint=host,
            region=hit[1].estate if hit else None,
            env=known.env or p.signal.env,
            confidence=0.8 if hit else 0.6,
            asks="",
        )
    if not found:
        return [p._replace(signal=msgspec.structs.replace(p.signal, asks=""))]
    return [p._replace(signal=signal) for signal in found.values()]


def _models(p: Placed, answers: list[tuple[str, Scope, Known]]) -> list[Placed]:
    found = []
    for path, scope, known in answers:
        if not looks_like_id(known.text):
            continue
        signal = msgspec.structs.replace(
            p.signal,
            model=known.text,
            line=known.line,
            column=known.column,
            env=known.env,
            asks="",
            where=f"{p.path}:{p.signal.line}",
            confidence=min(p.signal.confidence, 0.85),
        )
        found.append(p._replace(path=path, scope=scope, signal=signal, text=known.said))
    return found
