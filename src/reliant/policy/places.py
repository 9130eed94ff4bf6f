"""Which places a list holds on a day, where its copies agree.

A place on every copy that may have been in use on the day is on the list; one on
none of them is not; one on only some of them is not known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reliant.atlas.records.place_list import Copy, PlaceList
from reliant.core.dates import PartialDate


class Places(NamedTuple):
    """The places of one or more lists on a day; `maybe` are those of which the copies disagree."""

    listed: frozenset[str]
    maybe: frozenset[str]
    left_out: frozenset[str]


def _in_use(copies: tuple[Copy, ...], day: dt.date) -> list[Copy]:
    """Return the copies that may have been the list on `day`.

    A copy is from some day between its two dates. It may have been the list as long
    as the next one need not have been, and as soon as the one before need not be any
    more; before the first copy nothing says when a place was added.
    """
    if day < PartialDate.parse(copies[0].not_before).earliest:
        return list(copies)
    found = []
    for position, copy in enumerate(copies):
        later = copies[position + 1] if position + 1 < len(copies) else None
        earlier = copies[position - 1] if position else None
        over = later is not None and day >= PartialDate.parse(later.not_after).latest
        begun = earlier is None or day >= PartialDate.parse(earlier.not_before).earliest
        if begun and not over:
            found.append(copy)
    return found


def places_on(day: dt.date, lists: Iterable[PlaceList], known_on: dt.date | None = None) -> Places:
    """Return what the lists hold together on `day`, from the copies that could be known on `known_on`."""
    listed: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    for one in lists:
        public = tuple(
            copy
            for copy in one.copies
            if known_on is None or PartialDate.parse(copy.not_before).earliest <= known_on
        )
        in_use = _in_use(public or one.copies[:1], day)
        copies = [frozenset(copy.places) for copy in in_use]
        always = frozenset.intersection(*copies)
        listed |= always
        maybe |= frozenset.union(*copies) - always
        left_out |= frozenset(place for copy in in_use for place in copy.left_out)
    return Places(listed, maybe - listed, left_out - listed)


def named(lists: Mapping[str, PlaceList], ids: str | tuple[str, ...]) -> list[PlaceList]:
    """Return the lists of these ids.

    Raises:
        KeyError: There is no list of that id.
    """
    return [lists[one] for one in ((ids,) if isinstance(ids, str) else ids)]
