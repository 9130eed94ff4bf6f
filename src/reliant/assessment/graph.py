"""The graph that every impact figure is a question to.

A function needs uses (an AND/OR tree), and behind each use stands a chain: the
provider that serves it, the provider's owner, their countries, the model, its
developer and licence, and the models it descends from. A cut takes away one name
at one level; whether a use is down then is a `Truth`, because a link of the chain
may not be known. Nothing here knows formulas: those are in `measures`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from reliant.assessment.nodes import Nodes
from reliant.core.need import AllOf, Function, Need, OneOf, Supplier, suppliers
from reliant.core.truth import Truth, every, negate, some
from reliant.errors import UsageError

FOLLOWED = ("weights", "merge", "adapter", "quantised")
"""The kinds of descent that look-through figures follow unless told otherwise."""

DESCENT_KINDS = (*FOLLOWED, "distilled_outputs", "tokenizer", "architecture", "data", "api")
LEVELS = ("use", "provider", "owner", "jurisdiction", "developer", "model", "licence", "hub")


@dataclass(frozen=True, slots=True)
class Link:
    """One path from a use's model to an ancestor.

    Attributes:
        ancestor: Id of the ancestor model.
        kinds: The kind of each edge on the path; a path is followed only if every kind is.
        truth: YES if each edge is confirmed or reported, UNKNOWN if one is disputed,
            NO if one is denied.
        jurisdiction: Country of the ancestor's developer; None if not known.
        path: Model ids from the use's model to the ancestor, both included.
        sources: Ids of the sources of the edges.
    """

    ancestor: str
    kinds: tuple[str, ...]
    truth: Truth = Truth.YES
    developer: str | None = None
    jurisdiction: str | None = None
    licence: str | None = None
    path: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def followed(self, kinds: Iterable[str]) -> bool:
        """Say whether every edge of the path is of one of these kinds."""
        return set(self.kinds) <= set(kinds)


@dataclass(frozen=True, slots=True)
class Chain:
    """What stands behind one use; None is "not known".

    Attributes:
        provider: Who serves it; None with `self_hosted` means that nobody else does.
        jurisdiction: Country of the provider, or of the estate the host belongs to.
        owner: The provider's ultimate owner; its country is `owner_jurisdiction`.
        developer_owner: The developer's ultimate owner.
        self_hosted: The weights run on machines of the operator.
        weights: open or closed.
        hub: Where the weights are fetched from.
        descent_known: False if the model, or whether it has ancestors, is not known.
        hidden: What became known only after the day that is asked about, `owner` or
            `descent`: a cut may reach the use through it.
        called: What to call the use where neither provider nor model is known.
    """

    use: str
    provider: str | None = None
    jurisdiction: str | None = None
    owner: str | None = None
    owner_jurisdiction: str | None = None
    developer: str | None = None
    developer_jurisdiction: str | None = None
    developer_owner: str | None = None
    model: str | None = None
    weights: str | None = None
    licence: str | None = None
    hub: str | None = None
    channel: str | None = None
    self_hosted: bool = False
    links: tuple[Link, ...] = ()
    descent_known: bool = True
    sources: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    called: str = ""

    @property
    def hosted(self) -> bool:
        """Somebody else serves it: always so for closed weights, wherever a scan saw them."""
        return not self.self_hosted or self.weights == "closed"

    @property
    def bought_from(self) -> str | None:
        """The country bought from directly: the provider's, or of what is self-hosted the developer's."""
        if self.self_hosted and self.developer is not None:
            return self.developer_jurisdiction
        return self.jurisdiction

    @property
    def bought_from_owner(self) -> str | None:
        """The owner of whom is bought from: the provider's, or of what is self-hosted the developer's."""
        if self.self_hosted and self.developer is not None:
            return self.developer_owner
        return self.owner

    @property
    def served_by(self) -> str | None:
        """The provider; for weights the operator runs, the developer they come from if that is known."""
        return self.developer or self.provider if self.self_hosted else self.provider


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """One name taken away at one level, for example `provider:openai`."""

    level: str
    id: str

    @classmethod
    def parse(cls, text: str) -> Cut:
        """Read `LEVEL:ID`.

        Raises:
            UsageError: There is no colon, no id, or no such level.

        Examples:
            >>> Cut.parse("jurisdiction:US")
            Cut(level='jurisdiction', id='US')
        """
        level, colon, wanted = text.partition(":")
        level = {"country": "jurisdiction", "license": "licence"}.get(level.strip(), level.strip())
        wanted = wanted.strip()
        if not colon or not wanted or level not in LEVELS:
            raise UsageError(
                f"{text!r} is not a cut", hint=f"Write LEVEL:ID with a level of: {', '.join(LEVELS)}."
            )
        return cls(level, wanted)

    def __str__(self) -> str:
        return f"{self.level}:{self.id}"

    def downs(self, chain: Chain, *, weights_kept: bool | None = None) -> Truth:
        """Say whether the use behind `chain` is down once this is cut.

        Weights that the operator runs survive the cut of a provider, owner, developer
        or country: what is on disk stays. They do not survive that of their licence,
        and that of their hub only if a copy is kept.

        Args:
            weights_kept: Whether a copy of downloaded weights is kept; None is not known.
        """
        hosted = chain.hosted
        match self.level:
            case "use":
                return Truth.of(chain.use == self.id)
            case "model":
                return _same(chain.model, self.id)
            case "provider":
                return _same(chain.provider, self.id) if hosted else Truth.NO
            case "owner":
                if not hosted:
                    return Truth.NO
                owned = (_same(chain.owner, self.id), _same(chain.provider, self.id))
                return some((*owned, _hidden(chain, "owner")))
            case "developer":
                return _same(chain.developer, self.id) if hosted else Truth.NO
            case "jurisdiction":
                return self._country(chain) if hosted else Truth.NO
            case "licence":
                return self._licence(chain)
            case _:
                if hosted:  # the hub itself serves it
                    return Truth.of(chain.provider == self.id)
                at = Truth.of(chain.hub == self.id)
                return every((at, negate(Truth.of(weights_kept))))

    def _country(self, chain: Chain) -> Truth:
        reasons = [_same(chain.jurisdiction, self.id), _hidden(chain, "owner")]
        if chain.owner is not None or chain.owner_jurisdiction is not None:
            reasons.append(_same(chain.owner_jurisdiction, self.id))
        if chain.weights == "closed":  # the developer licenses them to whoever serves them
            reasons.append(_same(chain.developer_jurisdiction, self.id))
        return some(reasons)

    def _licence(self, chain: Chain) -> Truth:
        if chain.licence == self.id:
            return Truth.YES
        inherited = [
            every((link.truth, _same(link.licence, self.id)))
            for link in chain.links
            if link.followed(FOLLOWED)
        ]
        own = Truth.NO if chain.licence is not None or chain.weights == "closed" else Truth.UNKNOWN
        return some((own, *inherited, _hidden(chain, "descent")))


def _same(known: str | None, wanted: str) -> Truth:
    return Truth.of(None if known is None else known == wanted)


def _hidden(chain: Chain, what: str) -> Truth:
    """Return UNKNOWN if this part of the chain was found only after the day, else NO."""
    return Truth.UNKNOWN if what in chain.hidden else Truth.NO


def state(need: Need, has: Callable[[str], Truth]) -> Truth:
    """Say whether `need` is met when `has(id)` tells what is known of each supplier.

    Examples:
        >>> chat = AllOf((Supplier("a"), Supplier("b")))
        >>> state(chat, {"a": Truth.NO, "b": Truth.UNKNOWN}.__getitem__).name
        'NO'
    """
    if isinstance(need, Supplier):
        return has(need.id)
    if isinstance(need, OneOf):
        return _of_setting([state(part, has) for part in need.of], default=need.default)
    parts = (state(part, has) for part in need.of)
    return every(parts) if isinstance(need, AllOf) else some(parts)


def _of_setting(parts: Sequence[Truth], *, default: bool) -> Truth:
    """Return the answer of the part that is set; where nobody knows which that is, what all of them say."""
    if default:
        return some(parts[:1])
    return parts[0] if len(set(parts)) == 1 else Truth.UNKNOWN if parts else Truth.NO


@dataclass(frozen=True)
class Graph:
    """Functions and the chains behind their uses.

    A use without a chain is one of which nothing is known.

    Raises:
        ValueError: A weight is not above 0, or two functions share an id.
    """

    functions: tuple[Function, ...]
    chains: Mapping[str, Chain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for function in self.functions:
            if not function.weight > 0:
                msg = f"the weight of function {function.id!r} is {function.weight}, and must be above 0"
                raise ValueError(msg)
            if function.id in seen:
                msg = f"two functions have the id {function.id!r}"
                raise ValueError(msg)
            seen.add(function.id)
        object.__setattr__(self, "chains", MappingProxyType(dict(self.chains)))

    @functools.cached_property
    def weight(self) -> float:
        """The sum of the weights of all functions."""
        return sum(self.weights)

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """The id of each function."""
        return tuple([function.id for function in self.functions])

    @functools.cached_property
    def weights(self) -> tuple[float, ...]:
        """The weight of each function."""
        return tuple([function.weight for function in self.functions])

    @functools.cached_property
    def needs(self) -> dict[Need, frozenset[str]]:
        """The uses that each distinct need names."""
        found: dict[Need, frozenset[str]] = {}
        for function in self.functions:
            if function.need not in found:
                found[function.need] = suppliers(function.need)
        return found

    @functools.cached_property
    def uses(self) -> tuple[str, ...]:
        """The ids of all uses, sorted: those with a chain and those that a function names."""
        return tuple(sorted(self.chains.keys() | self.nodes.leaves.keys()))

    @functools.cached_property
    def nodes(self) -> Nodes:
        """The distinct parts of all needs; `nodes.at` is in the order of the functions."""
        return Nodes.of(function.need for function in self.functions)

    def chain(self, use: str) -> Chain:
        """Return the chain behind a use; one without any link if nothing is known."""
        return self.chains.get(use) or Chain(use, descent_known=False)

    def down(self, cuts: Iterable[Cut], *, weights_kept: bool | None = None) -> dict[str, Truth]:
        """Return, for each use of a chain, whether it is down once all of `cuts` are made."""
        made = tuple(cuts)
        return {
            use: some(cut.downs(self.chain(use), weights_kept=weights_kept) for cut in made)
            for use in self.uses
        }
