"""What is known about the one who asks, each value with where it came from.

Rules are decided on named values ("user.region is CN"). A value without its
origin cannot be argued with, so a fact carries it; a name that is absent is not
known, which is different from any value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool
"""One plain value. Sets of values are tuples of these."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a value came from.

    Attributes:
        kind: `found` (read in the target), `given` (told by the operator, on the
            command line or in a file), `atlas` (a record says so) or `assumed` (a
            scenario sets it).
        place: `path:line`, the option, the file, the record's id or the scenario's name.
        text: The words it was read from; may be empty.
    """

    kind: str
    place: str
    text: str = ""

    def __str__(self) -> str:
        said = f"{self.kind}: {self.place}"
        return f"{said}, {self.text}" if self.text else said


@dataclass(frozen=True, slots=True)
class Fact:
    """One known value and its origin; a tuple means that each of its values holds."""

    value: Value | tuple[Value, ...]
    origin: Provenance


class Facts(Mapping[str, Fact]):
    """Facts by name, immutable. A missing name is an unknown value.

    Attributes:
        unknown: For names that were looked for and not found: what stands in the way,
            for example the link of a chain of holdings that nobody knows.

    Examples:
        >>> cn = Facts({"user.region": Fact("CN", Provenance("given", "--place"))})
        >>> cn["user.region"].value, "owner.country" in cn
        ('CN', False)
    """

    __slots__ = ("_known", "_plain", "unknown")

    def __init__(
        self, known: Mapping[str, Fact] | None = None, unknown: Mapping[str, str] | None = None
    ) -> None:
        self._known: Mapping[str, Fact] = MappingProxyType(dict(known or {}))
        self._plain: Mapping[str, Value | tuple[Value, ...]] | None = None
        self.unknown: Mapping[str, str] = MappingProxyType(
            {name: why for name, why in (unknown or {}).items() if name not in self._known}
        )

    @property
    def plain(self) -> Mapping[str, Value | tuple[Value, ...]]:
        """The values by name, without where they came from; made once."""
        if self._plain is None:
            self._plain = MappingProxyType({name: fact.value for name, fact in self._known.items()})
        return self._plain

    def __getitem__(self, name: str) -> Fact:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __or__(self, more: Mapping[str, Fact]) -> Facts:
        """Return both; where both know a name, `more` wins."""
        why = {**self.unknown, **more.unknown} if isinstance(more, Facts) else self.unknown
        return Facts({**self._known, **more}, why)

    def __hash__(self) -> int:
        return hash(frozenset(self._known.items()))

    def __repr__(self) -> str:
        return f"Facts({dict(self._known)!r})"
