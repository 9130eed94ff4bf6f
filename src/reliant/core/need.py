"""What a function needs, as AND, OR and choice over suppliers.

Every impact figure is a question to this one tree: does the function still work
when these suppliers are gone? Suppliers are plain ids; whether an id stands for a
use, a provider or a jurisdiction is for the caller to say.

An OR moves by itself: one of its parts is gone, another takes over. A choice does not: one
part is set, by a default in the code or by whoever runs it, and only a person sets another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class Supplier(msgspec.Struct, frozen=True, tag="supplier", gc=False):
    """One supplier that must be there."""

    id: str


@final
class AllOf(msgspec.Struct, frozen=True, tag="all", gc=False):
    """Every one of these is needed; with none, nothing is."""

    of: tuple[Need, ...]


@final
class AnyOf(msgspec.Struct, frozen=True, tag="any", gc=False):
    """One of these is enough; with none, it can never be met."""

    of: tuple[Need, ...]


@final
class OneOf(msgspec.Struct, frozen=True, tag="one", gc=False):
    """One of these is used, the one that is set; nothing moves to another by itself.

    Attributes:
        default: The first is the one that is set unless somebody sets another. False if
            nothing tells which is set: then it works for certain only if each would, and
            stops for certain only if none would.

    With no parts it can never be met.
    """

    of: tuple[Need, ...]
    default: bool = False


Need: TypeAlias = Supplier | AllOf | AnyOf | OneOf


def met(need: Need, has: Callable[[str], bool]) -> bool:
    """Say whether `need` is met when `has(id)` tells which suppliers are there.

    Of a choice that nobody knows the setting of, some setting has to work.

    Examples:
        >>> chat = AnyOf((Supplier("openai"), Supplier("azure-openai")))
        >>> met(chat, lambda id: id != "openai")
        True
    """
    match need:
        case Supplier(id=wanted):
            return has(wanted)
        case AllOf(of=parts):
            return all(met(part, has) for part in parts)
        case OneOf(of=parts, default=True):
            return bool(parts) and met(parts[0], has)
        case AnyOf(of=parts) | OneOf(of=parts):
            return any(met(part, has) for part in parts)


def suppliers(need: Need) -> frozenset[str]:
    """Return the ids of all suppliers named in `need`.

    Examples:
        >>> sorted(suppliers(AllOf((Supplier("a"), AnyOf((Supplier("b"), Supplier("a")))))))
        ['a', 'b']
    """
    if isinstance(need, Supplier):
        return frozenset((need.id,))
    return frozenset().union(*(suppliers(part) for part in need.of))


def in_force(need: Need) -> frozenset[str]:
    """Return the ids of the suppliers that are, or may be, in use: not those that somebody would have to set.

    Examples:
        >>> sorted(in_force(OneOf((Supplier("a"), Supplier("b")), default=True)))
        ['a']
    """
    if isinstance(need, Supplier):
        return frozenset((need.id,))
    parts = need.of[:1] if isinstance(need, OneOf) and need.default else need.of
    return frozenset().union(*(in_force(part) for part in parts))


class Function(msgspec.Struct, frozen=True, gc=False):
    """Something the product does with AI.

    Attributes:
        id: Stable name, for example `chat` or `src/search`.
        name: For people.
        weight: Greater than 0; call sites by default, else what the operator says
            (requests, spend, revenue).
        need: Over ids of uses.
        where: `path:line` of the place that shows it; may be empty.
    """

    id: str
    name: str
    weight: float
    need: Need
    where: str = ""
