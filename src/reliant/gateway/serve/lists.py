"""Lists of what a caller has: its own objects only, from every provider that holds some.

The order is stated: one provider after the other as the configuration names them, and
of each its objects in the order in which it lists them. The cursor of a page is an
object's id, as at the providers, so that it also says where to go on. A list that is
not whole is never given as if it were: if a provider that holds something of the
caller cannot be asked, that is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from reliant.gateway.api.answers import Problem
from reliant.gateway.api.body import NOT_JSON
from reliant.gateway.api.made import ids_of
from reliant.gateway.route.routes import warning_header
from reliant.gateway.serve.problems import backwards, unknown_object

if TYPE_CHECKING:
    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.admit.placement import Placement
    from reliant.gateway.route.routes import Plan
    from reliant.gateway.serve.context import Context
    from reliant.gateway.serve.holdings import Holdings

_MOST_PAGES = 20
"""So many pages of a provider are looked through for one page of a caller's."""

_USUAL_PAGE = 20
_NO_SUCH_LIST = frozenset({404, 405, 501})
"""Statuses of a provider that keeps no such objects."""

_EMPTY: dict[str, Any] = {"object": "list", "data": [], "has_more": False}

More = Callable[[str | None], Awaitable[tuple[int, bytes | None]]]
"""Asks an upstream for the page after an object, or for its first; gives its status and the page, if any."""


class Source(NamedTuple):
    """An upstream whose list is part of the caller's; without `more` its further pages cannot be had."""

    upstream: str
    more: More | None


class ListBroken(Exception):
    """An upstream that holds something of the caller did not give its list."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.upstream = upstream


async def listed(
    context: Context, holdings: Holdings, caller: Caller, placement: Placement
) -> Plan | Problem | None:
    """Return the plan for the first upstream of a list, and note the others; None if none holds anything."""
    runtime = context.runtime
    holders = set(await holdings.upstreams_of(caller.owner))
    anthropic = context.dialect == "anthropic"
    plans: list[Plan] = []
    refused: list[str] = []
    for name, target in runtime.targets.items():
        if name not in holders or (target.config.api == "anthropic") is not anthropic:
            continue
        plan = runtime.routes.held_at(caller, name, "", placement.places)
        if plan is None or not plan.candidates:
            refused.append(name)
        else:
            plans.append(plan)
    asked = parse_qs(context.query.decode("latin-1"))
    if len(plans) > 1 and ("before" in asked or "before_id" in asked):
        return backwards()
    cursor = (asked.get("after") or asked.get("after_id") or [""])[-1]
    held = (await holdings.known([cursor])).get(cursor) if cursor else None
    if held is not None:
        if held[1] != caller.owner:
            return unknown_object(cursor)
        names = [one.candidates[0].target.name for one in plans]
        plans = plans[names.index(held[0]) :] if held[0] in names else plans
    if not plans:
        return None
    first, *others = plans
    context.further = tuple(one.candidates[0] for one in others)
    if refused:
        told = warning_header(f"what {', '.join(refused)} holds is left out: the rules refuse it")
        begin = first.candidates[0]
        first = first._replace(candidates=(begin._replace(headers=(*begin.headers, told)),))
    return first


async def own_page(
    holdings: Holdings, request: Context, status: int, body: bytes, sources: Sequence[Source]
) -> tuple[int, bytes]:
    """Return a page of the caller's own objects, filled up from further pages and further providers.

    Args:
        holdings: Who holds what.
        request: What was asked.
        status: Of the first provider's answer.
        body: The first provider's page.
        sources: The providers in order, the first with its later pages.

    Raises:
        ListBroken: A provider did not give its list.
    """
    first = _page_of(body) if status < 400 else None
    if first is None and (status not in _NO_SUCH_LIST or len(sources) < 2):
        return (status, body) if status >= 400 else (status, msgspec.json.encode(_EMPTY))
    shown = first if first is not None else dict(_EMPTY)
    wanted = _limit(request.query) or max(len(shown["data"]), _USUAL_PAGE)
    kept: list[Any] = []
    rest = False
    for number, source in enumerate(sources):
        page = first if not number else await _first_page(source)
        rest = False
        if page is not None:
            rest = await _gather(holdings, request, source, page, wanted, kept)
        if len(kept) >= wanted:
            rest = rest or number + 1 < len(sources)
            break
        if rest:
            break  # more than can be looked through stands between
    shown["data"] = kept[:wanted]
    shown["has_more"] = rest or len(kept) > wanted
    for edge, at in (("first_id", 0), ("last_id", -1)):
        if edge in shown or len(sources) > 1:
            shown[edge] = shown["data"][at].get("id") if shown["data"] else None
    return 200, msgspec.json.encode(shown)


async def _first_page(source: Source) -> dict[str, Any] | None:
    if source.more is None:
        return None
    status, body = await source.more(None)
    if status in _NO_SUCH_LIST:
        return None
    page = _page_of(body or b"")
    if page is None:
        raise ListBroken(source.upstream)
    return page


async def _gather(
    holdings: Holdings, request: Context, source: Source, page: dict[str, Any], wanted: int, kept: list[Any]
) -> bool:
    """Add what is the caller's of a provider's list until there is enough; say whether there may be more."""
    pages = 1
    while True:
        entries = [one for one in page["data"] if isinstance(one, dict)]
        held = await holdings.known(str(one.get("id", "")) for one in entries)
        own = [one for one in entries if held.get(str(one.get("id", "")), ("", ""))[1] == request.owner]
        await holdings.hold([name for one in own for name in ids_of(one)], source.upstream, request.owner)
        kept += own
        rest = bool(page.get("has_more"))
        last = page["data"][-1] if page["data"] else None
        if len(kept) >= wanted or not rest or source.more is None or pages >= _MOST_PAGES:
            return rest
        if not isinstance(last, dict) or not isinstance(last.get("id"), str):
            return rest
        following = _page_of((await source.more(last["id"]))[1] or b"")
        if following is None:
            raise ListBroken(source.upstream)
        if not following["data"]:
            return False
        page, pages = following, pages + 1


def _page_of(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except NOT_JSON:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("data"), list) else None


def _limit(query: bytes) -> int:
    """Return how many entries a page may have that `query` asks for; 0 if it does not say."""
    match = re.search(rb"(?:\A|&)limit=(\d{1,5})(?:&|\Z)", query)
    return int(match[1]) if match else 0
