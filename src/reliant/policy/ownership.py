"""Who owns a company in the end, counted in both ways that texts are read.

"Indirectly owned" can mean that shares are multiplied along each chain of holdings,
or that a holder which is itself owned for more than half counts with its whole
stake, as sanctions practice has it. Both are worked out here as an interval from
what is sure to what is possible: a share, a seat or a holder that is not known
widens the interval and is named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reliant.atlas.load import read_record
from reliant.atlas.records.ownership import Company, OwnershipFile, Stake
from reliant.atlas.records.rule import FactTest
from reliant.core.facts import Fact, Facts, Provenance
from reliant.core.truth import Truth, negate
from reliant.errors import ConfigError
from reliant.policy.places import named, places_on

if TYPE_CHECKING:
    from reliant.policy.rulebook import RuleBook

HALF = 50.0
"""Whoever holds more than so many per cent controls, in both readings."""

_ROUNDS = 200
"""Cross-holdings are worked out by repetition; shares below 1 shrink far faster than this."""

_CLOSE = 1e-9

Inside = Callable[[str], Truth]
"""Is a country among the places that are asked about?"""


@dataclass(frozen=True, slots=True)
class Held:
    """The per cent held from some places: at least, and at most."""

    low: float
    high: float

    def above(self, limit: float) -> Truth:
        """Say whether it is more than `limit`."""
        if self.low > limit + _CLOSE:
            return Truth.YES
        return Truth.NO if self.high <= limit + _CLOSE else Truth.UNKNOWN

    def __str__(self) -> str:
        if self.high - self.low < _CLOSE:
            return f"{self.low:g} %"
        return f"{round(self.low, 4):g} to {round(self.high, 4):g} %"


class Ownership:
    """The graph of holdings above one company.

    Raises:
        ConfigError: A holder has no entry, or the shares in a company are more than 100 %.
    """

    def __init__(self, file: OwnershipFile, name: str = "owners") -> None:
        self.company = file.company
        self.companies = file.companies
        self.name = name
        self._check()

    @classmethod
    def read(cls, path: Path) -> Ownership:
        """Read the file of an operator.

        Raises:
            RecordError: It cannot be read as such a file.
            ConfigError: See the class.
        """
        return cls(read_record(path, OwnershipFile), str(path))

    @classmethod
    def sole(cls, country: str, name: str) -> Ownership:
        """Return a company that is wholly owned from one country."""
        held = Company(held_by=(Stake(holder="owner", share_pct=100.0),), complete=True)
        return cls(
            OwnershipFile(company="company", companies={"company": held, "owner": Company(seat=country)}),
            name,
        )

    def _check(self) -> None:
        if self.company not in self.companies:
            problem = f"company {self.company!r} is not among its companies"
            raise ConfigError(self.name, 0, problem, hint="Add it under `companies`.")
        for name, company in self.companies.items():
            for stake in company.held_by:
                if stake.holder not in self.companies:
                    problem = f"{stake.holder!r}, which holds {name!r}, is not among its companies"
                    raise ConfigError(
                        self.name, 0, problem, hint="Add it, with `seat: null` if nothing is known of it."
                    )
            total = _sum(stake.share_pct or 0 for stake in company.held_by)
            if total > 100 + 1e-6:
                raise ConfigError(self.name, 0, f"the shares in {name!r} add up to {total:g} %")

    def multiplied(self, inside: Inside) -> Held:
        """Return what is held from the places, shares multiplied along each chain."""
        return self._fixed(self._multiplied_once, inside)

    def chain(self, inside: Inside) -> Held:
        """Return what is held by holders that are from the places or owned from there for more than half."""
        return self._fixed(self._chain_once, inside)

    def _fixed(self, once: Callable[[str, dict[str, float], Inside, bool], float], inside: Inside) -> Held:
        ends = []
        for possible in (False, True):
            held = dict.fromkeys(self.companies, 0.0)
            for _ in range(_ROUNDS):
                new = {name: once(name, held, inside, possible) for name in self.companies}
                done = all(abs(new[name] - held[name]) < _CLOSE for name in held)
                held = new
                if done:
                    break
            ends.append(held[self.company])
        return Held(ends[0], max(ends))

    def _from(self, name: str, inside: Inside, *, possible: bool) -> bool:
        """Say whether a holder is from the places; of an unknown seat, only whether it may be."""
        seat = self.companies[name].seat
        if seat is None:
            return possible
        truth = inside(seat)
        return truth is Truth.YES or (possible and truth is Truth.UNKNOWN)

    def _rest(self, name: str, *, possible: bool) -> float:
        """Return what nobody known holds, if it counts as possible."""
        company = self.companies[name]
        if company.complete or not company.held_by or not possible:
            return 0.0
        return max(0.0, 100.0 - _sum(stake.share_pct or 0 for stake in company.held_by))

    def _stakes(self, name: str, *, possible: bool) -> Iterator[tuple[str, float]]:
        company = self.companies[name]
        known = _sum(stake.share_pct or 0 for stake in company.held_by)
        for stake in company.held_by:
            if stake.share_pct is not None:
                yield stake.holder, stake.share_pct
            elif possible:
                yield stake.holder, max(0.0, 100.0 - known)

    def _multiplied_once(self, name: str, held: dict[str, float], inside: Inside, possible: bool) -> float:
        total = self._rest(name, possible=possible)
        for holder, share in self._stakes(name, possible=possible):
            whole = self._from(holder, inside, possible=possible)
            total += share if whole else share * held[holder] / 100.0
        return min(100.0, total)

    def _chain_once(self, name: str, held: dict[str, float], inside: Inside, possible: bool) -> float:
        total = self._rest(name, possible=possible)
        for holder, share in self._stakes(name, possible=possible):
            if self._from(holder, inside, possible=possible) or held[holder] > HALF + _CLOSE:
                total += share
        return min(100.0, total)

    def open_links(self) -> list[str]:
        """Return what is not known above the company, one sentence each, nearest first."""
        found: list[str] = []
        for name in self._above():
            company = self.companies[name]
            for stake in company.held_by:
                if stake.share_pct is None:
                    found.append(f"how much {stake.holder} holds of {name}")
                holder = self.companies[stake.holder]
                if holder.seat is None:
                    more = "" if holder.held_by else " and who holds it"
                    found.append(f"where {stake.holder} has its seat{more}")
            rest = self._rest(name, possible=True)
            if rest > _CLOSE and all(stake.share_pct is not None for stake in company.held_by):
                found.append(f"who holds the other {rest:g} % of {name}")
        return list(dict.fromkeys(found))

    def _above(self) -> list[str]:
        order = [self.company]
        for name in order:
            order += [stake.holder for stake in self.companies[name].held_by if stake.holder not in order]
        return order

    def paths(self, inside: Inside) -> list[str]:
        """Return the chains that lead to the places, the largest first, as arithmetic."""
        found: list[tuple[float, str]] = []

        def walk(name: str, product: float, words: str, on_way: frozenset[str]) -> None:
            for stake in self.companies[name].held_by:
                if stake.share_pct is None or stake.holder in on_way:
                    continue
                share = product * stake.share_pct / 100.0
                said = f"{words} <- {stake.holder} {stake.share_pct:g} %"
                seat = self.companies[stake.holder].seat
                if seat is not None and inside(seat) is Truth.YES:
                    found.append((share, f"{said} ({seat}): {share:.4g} %"))
                else:
                    walk(stake.holder, share, said, on_way | {stake.holder})

        walk(self.company, 100.0, self.company, frozenset({self.company}))
        return [text for _, text in sorted(found, key=lambda pair: (-pair[0], pair[1]))]

    def controlled_from(self) -> tuple[str, ...]:
        """Return the seats of those that control it by other means than shares; `?` where one is unknown."""
        found: list[str] = []
        for name in self._controllers(self.company, frozenset()):
            found.append(self.companies[name].seat or "?")
        return tuple(dict.fromkeys(found))

    def _controllers(self, name: str, seen: frozenset[str]) -> Iterator[str]:
        for stake in self.companies[name].held_by:
            if stake.controls and stake.holder not in seen:
                yield stake.holder
                yield from self._controllers(stake.holder, seen | {stake.holder})

    def facts(self, book: RuleBook, as_of: dt.date, origin: str = "given") -> Facts:
        """Return the facts that rules on ownership ask for, on a day: lists of places change."""
        known: dict[str, Fact] = {}
        unknown: dict[str, str] = {}
        for name, test in book.share_tests().items():
            inside = _inside(book, test, as_of)
            held = self.chain(inside) if test.counted == "chain" else self.multiplied(inside)
            answer = held.above(test.share_above or HALF)
            how = "whole stakes of controlled holders" if test.counted == "chain" else "shares multiplied"
            if answer is Truth.UNKNOWN:
                links = "; ".join(self.open_links()) or "how the places are to be counted"
                unknown[name] = (
                    f"{self.company} is held from there by {held} ({how}); not known: {links}. Who does?"
                )
            else:
                text = "; ".join((f"{held} ({how})", *self.paths(inside)[:3]))
                known[name] = Fact(answer is Truth.YES, Provenance(origin, self.name, text))
        controllers = self.controlled_from()
        known["owner.controlled_from"] = Fact(
            controllers, Provenance(origin, self.name, "control by other means than shares")
        )
        return Facts(known, unknown)


def _inside(book: RuleBook, test: FactTest, as_of: dt.date) -> Inside:
    ids = test.in_ or test.not_in or ()
    held = places_on(as_of, named(book.lists, ids))

    def inside(country: str) -> Truth:
        on = Truth.YES if country in held.listed else Truth.UNKNOWN if country in held.maybe else Truth.NO
        return on if test.in_ else negate(on)

    return inside


def _sum(shares: Iterable[float]) -> float:
    return float(sum(shares))
