"""What the routes of a gateway's configuration mean: which ways there are for each name, in order.

Three forms are read. LiteLLM lists deployments; those under one name stand in for each
other, and so do the names that its fallbacks point to. Portkey nests targets below a
strategy. Our own `gateway.toml` names upstreams per route, and what else a route needs.

A way that answers only a question too long or a text refused (`context_window_fallbacks`,
`content_policy_fallbacks`) is asked for no other error: it stands in for nobody who is gone.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reliant.inventory.detectors._entries import Entry

Keys = tuple[str, ...]

_MOST_WAYS = 64
"""Names that are followed from one, and sorts of question that are told apart."""

_DEEPEST = 8
_ANY_NAME = "*"


class Way(NamedTuple):
    """One deployment, target or upstream: what a call can be handed to.

    Attributes:
        group: Names it within its file.
        at: The keys that all its settings begin with.
        line: Where it begins.
    """

    group: str
    at: Keys
    line: int


class Path(NamedTuple):
    """A name that clients ask for, and the groups of the ways that answer it, first choice first."""

    name: str
    line: int
    groups: tuple[str, ...]


class Routes(NamedTuple):
    """The ways of a file and the names that lead to them."""

    ways: tuple[Way, ...]
    paths: tuple[Path, ...]
    names: frozenset[str] = frozenset()


_NONE = Routes((), ())


def routes_of(entries: Sequence[Entry], path: str) -> Routes:
    """Return the routes of a LiteLLM or Portkey configuration; none if it is neither.

    Args:
        entries: The settings of the whole file.
        path: Of the file; a Portkey configuration has no other name.
    """
    said = [entry for entry in entries if not entry.commented]
    found = _litellm(said)
    return found if found.ways else _portkey(said, posixpath.basename(path).partition(".")[0])


def _litellm(entries: Sequence[Entry]) -> Routes:
    names: dict[Keys, Entry] = {}
    leading: set[Keys] = set()
    for entry in entries:
        keys = entry.keys
        if keys[-1:] == ("model_name",) and len(keys) > 1 and keys[-2].startswith("["):
            names[keys[:-1]] = entry
        elif "litellm_params" in keys:
            leading.add(keys[: keys.index("litellm_params")])
    ways: dict[str, list[Way]] = defaultdict(list)
    for at, entry in names.items():
        if at in leading and entry.value:
            ways[entry.value].append(Way("/".join(at), at, entry.line))
    if not ways:
        return _NONE
    after = _fallbacks(entries)
    paths = []
    for name, own in ways.items():
        order = _in_turn(name, ways, after)
        paths.append(Path(name, own[0].line, tuple(way.group for one in order for way in ways[one])))
    return Routes(tuple(way for own in ways.values() for way in own), tuple(paths), frozenset(ways))


def _fallbacks(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Return the names asked after each name; those under `*` are asked after any."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        keys = entry.keys
        if "default_fallbacks" in keys:
            found[_ANY_NAME].append(entry.value)
        elif "fallbacks" in keys:
            named = [key for key in keys[keys.index("fallbacks") + 1 :] if not key.startswith("[")]
            if len(named) == 1:
                found[named[0]].append(entry.value)
    return found


def _in_turn(name: str, ways: dict[str, list[Way]], after: dict[str, list[str]]) -> list[str]:
    """Return a name and all that is asked after it, each once."""
    order = {name: None}
    todo = [name]
    for one in todo:
        for other in after.get(one) or after.get(_ANY_NAME) or []:
            if len(order) >= _MOST_WAYS:
                return list(order)
            if other in ways and other not in order:
                order[other] = None
                todo.append(other)
    return list(order)


def _portkey(entries: Sequence[Entry], stem: str) -> Routes:
    modes = {entry.keys[:-2]: entry for entry in entries if entry.keys[-2:] == ("strategy", "mode")}
    below: dict[Keys, dict[Keys, int]] = defaultdict(dict)
    for entry in entries:
        for depth, key in enumerate(entry.keys[:-1]):
            if key == "targets" and entry.keys[depth + 1].startswith("["):
                below[entry.keys[:depth]].setdefault(entry.keys[: depth + 2], entry.line)
    roots = [at for at in modes if at in below and not any(at[:depth] in modes for depth in range(len(at)))]
    ways: dict[Keys, Way] = {}
    paths: list[Path] = []
    for root in roots:
        name = next((key for key in reversed(root) if not key.startswith("[")), stem)
        orders = list(itertools.islice(_orders(root, modes, below, ways, 0), _MOST_WAYS))
        for number, order in enumerate(orders, 1):
            shown = name if len(orders) == 1 else f"{name} {number}"
            paths.append(Path(shown, modes[root].line, tuple(ways[at].group for at in order)))
    return Routes(tuple(ways.values()), tuple(paths))


def _orders(
    at: Keys,
    modes: dict[Keys, Entry],
    below: dict[Keys, dict[Keys, int]],
    ways: dict[Keys, Way],
    depth: int,
    line: int = 0,
) -> Iterator[tuple[Keys, ...]]:
    """Yield the targets that answer one sort of question, in order; once for each sort there is."""
    targets = below.get(at)
    if not targets or depth > _DEEPEST:
        ways.setdefault(at, Way("/".join(at), at, line))
        yield (at,)
        return
    inner = [
        list(itertools.islice(_orders(one, modes, below, ways, depth + 1, where), _MOST_WAYS))
        for one, where in targets.items()
    ]
    mode = modes[at].value if at in modes else "single"
    if mode == "conditional":  # each sort of question has a target of its own
        yield from itertools.chain.from_iterable(inner)
    elif mode == "single":
        yield from inner[0]
    else:
        for chosen in itertools.product(*inner):
            yield tuple(itertools.chain.from_iterable(chosen))


class Upstream(NamedTuple):
    """An upstream of our own gateway, as far as it matters who is asked."""

    name: str
    line: int
    provider: str | None
    base_url: str | None
    channel: str | None
    region: str | None
    models: dict[str, tuple[str, int]]


class OwnRoute(NamedTuple):
    """A route of our own gateway.

    Attributes:
        needed: Sets of upstreams; of each set one must answer. The first holds the upstreams
            in order, the others what else the route needs.
        substitutes: The model that an upstream serves in place of the one asked for.
    """

    name: str
    line: int
    needed: tuple[tuple[str, ...], ...]
    substitutes: dict[str, str]


_OWN = re.compile(r"(?m)^\s*\[\[\s*route\s*\]\]")
_OWN_UPSTREAM = re.compile(r"(?m)^\s*\[\[\s*upstream\s*\]\]")


def is_own(text: str) -> bool:
    """Say whether a TOML file configures our own gateway."""
    return _OWN.search(text) is not None and _OWN_UPSTREAM.search(text) is not None


def own_gateway(entries: Iterable[Entry]) -> tuple[dict[str, Upstream], tuple[OwnRoute, ...]]:
    """Return the upstreams by name and the routes of a `gateway.toml`."""
    tables: dict[Keys, list[Entry]] = defaultdict(list)
    for entry in entries:
        if not entry.commented and len(entry.keys) > 2 and entry.keys[0] in {"upstream", "route"}:
            tables[entry.keys[:2]].append(entry)
    upstreams: dict[str, Upstream] = {}
    routes: list[OwnRoute] = []
    for (kind, _), inside in tables.items():
        plain = {entry.keys[2]: entry.value for entry in inside if len(entry.keys) == 3}
        line = inside[0].line
        if kind == "upstream" and "name" in plain:
            line = next((e.line for e in inside if e.keys[2] == "provider"), line)
            models = {e.keys[3]: (e.value, e.line) for e in inside if e.keys[2] == "models" and e.keys[3:]}
            upstreams[plain["name"]] = Upstream(
                name=plain["name"],
                line=line,
                provider=plain.get("provider"),
                base_url=plain.get("base_url"),
                channel=plain.get("channel"),
                region=plain.get("region"),
                models=models,
            )
        elif kind == "route" and "model" in plain:
            order = tuple(e.value for e in inside if e.keys[2] == "upstreams")
            beside: dict[str, list[str]] = defaultdict(list)
            for e in inside:
                if e.keys[2] == "needs":
                    beside[e.keys[3]].append(e.value)
            swapped = {e.keys[3]: e.value for e in inside if e.keys[2] == "substitutes" and e.keys[3:]}
            needed = (order, *(tuple(choice) for choice in beside.values()))
            routes.append(OwnRoute(plain["model"], line, tuple(one for one in needed if one), swapped))
    return upstreams, tuple(routes)
