"""Which of several providers a product takes unless asked otherwise.

Providers are alternatives of each other if sibling blocks name one each: the classes of a plugin
table, the arms of an `if provider == ...`, the entries of a table, the files of a folder of
adapters. The one that a default names (`--service openai`, a priority list, a model constant
outside of the alternatives) is DEFAULT, the others are OPTIONAL. A provider without alternatives
is DEFAULT.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reliant.core.use import Role, Scope
from reliant.inventory.signals import What

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reliant.inventory.placed import Placed
    from reliant.inventory.vendors import Vendors


_SETTINGS = frozenset({"yaml-config", "json-config", "toml-config"})
_MANY = 3
"""So many addresses of several vendors side by side are a list to pick from, not a set of needs."""


class Roles(NamedTuple):
    """The role of each provider in the product, and the sets of alternatives."""

    of: dict[str, Role]
    groups: tuple[frozenset[str], ...]
    kin: frozenset[tuple[str, str]] = frozenset()
    """File and provider of classes that fill one place in turn; elsewhere the provider may be a default."""
    chosen: frozenset[str] = frozenset()
    """Providers that a default of the program names outright: an option, a setting, a constant."""
    adapters: Mapping[str, str] = MappingProxyType({})
    """Files whose folder carries the name of their provider, with the folder of all of these."""

    def alternatives(self, provider: str | None) -> frozenset[str]:
        """Return the providers that can stand in for one, itself included; empty if there are none."""
        return next((group for group in self.groups if provider in group), frozenset())


def roles_of(placed: Sequence[Placed], vendors: Vendors) -> Roles:
    """Decide for every provider of the product's code."""
    calls = [
        p for p in placed if p.scope is Scope.CODE and p.signal.provider and p.signal.role is not Role.LISTED
    ]
    calls = [p for p in calls if p.signal.what in {What.ENDPOINT, What.MODEL, What.ENV, What.SDK}]
    groups = _merged((*_by_block(calls, placed, vendors), *_by_file(calls, vendors)))
    labels = _labels(placed, calls)
    chosen, refused = _chosen(placed, labels, vendors)
    of: dict[str, Role] = {}
    for group in groups:
        taken: set[str] = set(group & chosen)
        if not taken:
            taken = _outside(group, calls)
        for provider in group:
            of[provider] = Role.DEFAULT if provider in taken else Role.OPTIONAL
    for provider in refused - chosen:
        of.setdefault(provider, Role.OPTIONAL)
    alike = [*_by_base(calls, placed), *_by_entry(placed)]
    kin = frozenset(
        (path, provider)
        for classes in alike
        for path, provider in classes
        if provider not in of and provider not in chosen
    )
    sets = _merged((*groups, *(frozenset(provider for _, provider in classes) for classes in alike)))
    sure = [p for p in placed if p.signal.what is not What.CHOICE or _for_all(p)]
    said, _ = _chosen(sure, labels, vendors)
    return Roles(of, tuple(sets), kin, frozenset(said), _in_folders(calls, vendors))


def with_alternatives(placed: Sequence[Placed], roles: Roles) -> list[Placed]:
    """Return the signals, those of classes that fill one place in turn marked as optional."""
    return [
        p._replace(signal=msgspec.structs.replace(p.signal, role=Role.OPTIONAL))
        if p.signal.role is None and (p.path, p.signal.provider) in roles.kin
        else p
        for p in placed
    ]


def _by_entry(placed: Iterable[Placed]) -> list[set[tuple[str, str]]]:
    """Find settings that list servers to pick from: neighbouring blocks, each with an address of its own."""
    rows: dict[tuple[str, tuple[str, ...]], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for p in placed:
        signal = p.signal
        if p.detector in _SETTINGS and signal.endpoint and signal.provider and signal.block:
            rows[p.path, signal.block[:-1]][signal.block[-1]].add(signal.provider)
    found = []
    for (path, _), blocks in rows.items():
        providers = {provider for named in blocks.values() for provider in named}
        if len(blocks) >= _MANY and len(providers) >= _MANY:
            found.append({(path, provider) for provider in providers})
    return found


def _by_base(calls: Iterable[Placed], placed: Sequence[Placed]) -> list[set[tuple[str, str]]]:
    """Find classes of neighbouring files that share a base of the project and have a provider each."""
    classes: dict[tuple[str, str], list[Placed]] = defaultdict(list)
    files: dict[str, int] = defaultdict(int)
    for p in placed:
        if p.signal.what is What.KIN and p.scope is Scope.CODE:
            folder, name = posixpath.split(p.path)
            where = posixpath.dirname(folder) if name == "__init__.py" else folder
            classes[where, str(p.signal.model)].append(p)
            files[p.path] += 1
    inside: dict[str, list[Placed]] = defaultdict(list)
    for call in calls:
        if call.signal.what is not What.SDK:
            inside[call.path].append(call)
    found = []
    for kin in classes.values():
        each: list[set[tuple[str, str]]] = []
        for p in kin:
            depth = len(p.signal.block)
            own = [c for c in inside[p.path] if c.signal.block[:depth] == p.signal.block]
            own = own or (inside[p.path] if files[p.path] == 1 else [])
            named = {(c.path, str(c.signal.provider)) for c in own}
            if named:
                each.append(named)
        providers = {provider for named in each for _, provider in named}
        if len(each) >= 2 and len(providers) >= 2 and all(len(named) == 1 for named in each):
            found.append({pair for named in each for pair in named})
    return found


def _by_block(calls: Iterable[Placed], placed: Sequence[Placed], vendors: Vendors) -> list[frozenset[str]]:
    """Find siblings in one file, each with a provider of its own."""
    labelled = {(p.path, p.signal.block) for p in placed if p.signal.what is What.LABEL}
    siblings: dict[tuple[str, tuple[str, ...], str], dict[str, set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    marked: set[tuple[str, tuple[str, ...], str, str]] = set()
    for p in calls:
        block = p.signal.block
        if p.signal.what is What.SDK:
            continue
        for depth, part in enumerate(block):
            kind = part.partition(" ")[0]
            if kind == "def":
                name = part.partition(" ")[2].rpartition(":")[0]
                rest = vendors.without_name(name, str(p.signal.provider))
                if rest is None:
                    continue
                kind = f"def {rest}"  # `ask_acme` and `ask_other` stand for each other
            elif kind not in {"class", "branch", "entry", "case"}:
                continue
            key = (p.path, block[:depth], "branch" if kind == "case" else kind)
            siblings[key][part].add(str(p.signal.provider))
            if (
                kind != "class"
                or (p.path, block[: depth + 1]) in labelled
                or _names(part, str(p.signal.provider), vendors)
            ):
                marked.add((*key, part))
    found = []
    for key, parts in siblings.items():
        own = {part: providers for part, providers in parts.items() if (*key, part) in marked}
        if len(own) < 2:
            continue
        distinct = frozenset(provider for providers in own.values() for provider in providers)
        if len(distinct) >= 2:
            found.append(distinct)
    return found


def _by_file(calls: Iterable[Placed], vendors: Vendors) -> list[frozenset[str]]:
    """Find adapters: files of one folder that carry the names of their providers."""
    by_folder: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for p in calls:
        folder, name = posixpath.split(p.path)
        stem = name.partition(".")[0]
        provider = str(p.signal.provider)
        if _names(stem, provider, vendors):
            by_folder[folder, ""][p.path].add(provider)
        elif _names(posixpath.basename(folder), provider, vendors):
            # `llms/acme/provider.py` beside `llms/other/provider.py`
            by_folder[posixpath.dirname(folder), stem][p.path].add(provider)
    found = []
    for files in by_folder.values():
        providers = frozenset(provider for named in files.values() for provider in named)
        if len(files) >= 2 and len(providers) >= 2:
            found.append(providers)
    return found


def _in_folders(calls: Iterable[Placed], vendors: Vendors) -> dict[str, str]:
    """Find files such as `llms/acme/provider.py`, with the folder that holds theirs and its siblings."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for p in calls:
        folder, name = posixpath.split(p.path)
        if _names(posixpath.basename(folder), str(p.signal.provider), vendors):
            found[posixpath.dirname(folder), name][folder] = p.path
    return {
        path: above
        for (above, _), files in found.items()
        if above and len(files) > 1
        for path in files.values()
    }


def _names(text: str, provider: str, vendors: Vendors) -> bool:
    """Say whether a class or file name contains a name of the provider."""
    return vendors.named_in(text, provider)


def _merged(groups: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Join groups that share a provider."""
    found: list[frozenset[str]] = []
    for group in groups:
        current = group
        rest = []
        for other in found:
            if current & other:
                current |= other
            else:
                rest.append(other)
        found = [*rest, current]
    return sorted(found, key=sorted)


def _labels(placed: Sequence[Placed], calls: Iterable[Placed]) -> dict[str, set[str]]:
    """Return for each label of a block the providers named in that block."""
    inside: dict[str, list[Placed]] = defaultdict(list)
    for p in calls:
        inside[p.path].append(p)
    found: dict[str, set[str]] = defaultdict(set)
    for p in placed:
        signal = p.signal
        if signal.what is not What.LABEL or not signal.model:
            continue
        depth = len(signal.block)
        for call in inside.get(p.path, ()):
            if call.signal.block[:depth] == signal.block and call.signal.provider:
                found[signal.model.lower()].add(call.signal.provider)
    return found


def _chosen(
    placed: Sequence[Placed], labels: dict[str, set[str]], vendors: Vendors
) -> tuple[set[str], set[str]]:
    """Return the providers that defaults name, and those that they leave aside."""
    chosen: set[str] = set()
    refused: set[str] = set()
    choices = [
        p
        for p in placed
        if p.signal.what is What.CHOICE and p.signal.model and p.scope in {Scope.CODE, Scope.CONFIG}
    ]
    # One function that names several providers in turn decides between them; it has no default.
    said: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for p in choices:
        said[p.path, p.signal.block[:1]].add(str(p.signal.model).lower())
    asked = [p for p in choices if p.signal.options or p.signal.env]
    if any(_meant(str(p.signal.model), labels, vendors) for p in asked):
        choices = asked  # an option or a priority list says more than an assignment
    for p in choices:
        signal = p.signal
        if not signal.model or (
            not signal.options and not signal.env and len(said[p.path, signal.block[:1]]) > 1
        ):
            continue
        named = _meant(signal.model, labels, vendors)
        if not (signal.options or signal.env) and all(_at_home(p, provider, vendors) for provider in named):
            continue  # an adapter says its own name
        chosen |= named
        if named:
            for option in signal.options:
                refused |= _meant(option, labels, vendors) - named
    return chosen, refused


_BESIDE = re.compile(
    r"(?i)image|search|retriev|speech|voice|tts|stt|ocr|embed|rerank|vector|memory|storage|video|audio"
)
"""Words of settings that choose something else than who writes text: `IMAGE_PROVIDER`."""


def _for_all(p: Placed) -> bool:
    """Say whether a choice is a default of the program for text, and not what one function does once."""
    inside = any(part.startswith(("def ", "entry ")) for part in p.signal.block)
    return (bool(p.signal.options or p.signal.env) or not inside) and not _BESIDE.search(p.text)


def _at_home(p: Placed, provider: str, vendors: Vendors) -> bool:
    """Say whether a signal stands in a file or a class that is called after a provider."""
    stem = posixpath.basename(p.path).partition(".")[0]
    around = [part.partition(" ")[2] for part in p.signal.block if part.startswith("class ")]
    return any(_names(name, provider, vendors) for name in (stem, *around))


def _meant(label: str, labels: dict[str, set[str]], vendors: Vendors) -> set[str]:
    low = label.lower()
    if low in labels:
        return labels[low]
    plain = re.sub(r"[^a-z0-9]", "", low)
    provider = vendors.slugs.get(plain) or vendors.prefix(low)
    return {provider} if provider else set()


def _outside(group: frozenset[str], calls: Iterable[Placed]) -> set[str]:
    """Return providers of a group whose model stands as a default outside of any alternative."""
    found: list[str] = []
    for p in calls:
        signal = p.signal
        if signal.provider not in group or signal.what is not What.MODEL or signal.role is not None:
            continue
        if not any(part.startswith(("class ", "branch ", "entry ", "case ")) for part in signal.block):
            found.append(signal.provider)
    return {found[0]} if found else set()
