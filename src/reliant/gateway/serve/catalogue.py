"""Answers which models there are: those a caller may use here and now, and no others.

Names that the configuration spells out are known. Behind a glob stands what the
upstreams have: each that the rules permit is asked for its list, which is kept for a
while. A model is listed if the first upstream that would be asked for it has it. An
upstream that does not answer takes nothing away from the others' lists.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections.abc import Coroutine
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec

from reliant.gateway.api.answers import Problem, error_answer
from reliant.gateway.api.body import NOT_JSON
from reliant.gateway.api.surface import MODELS
from reliant.gateway.http.running import as_task
from reliant.gateway.serve.inquiry import Inquiry, ask
from reliant.gateway.serve.intake import Passage

if TYPE_CHECKING:
    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.admit.placement import Placement
    from reliant.gateway.config import Upstream
    from reliant.gateway.http.call import Call
    from reliant.gateway.route.routes import Candidate
    from reliant.gateway.serve.app import Gateway
    from reliant.gateway.serve.context import Context

_KEPT_S = 300.0
_FAILED_S = 15.0
"""After so long an upstream that had no list is asked again."""

_PATIENCE_S = 5.0
_MOST_BYTES = 8 << 20
_MOST_MODELS = 5_000
_LONGEST_NAME = 256
_AT_ONCE = 10
"""So many rulings are made before other requests get their turn."""

_FIRST_PAGE = {"anthropic": b"limit=1000"}
_NO_LIST = frozenset({"azure", "bedrock-converse"})
"""What these list is not what can be asked of them: deployments have names of their own."""


class Model(msgspec.Struct, frozen=True):
    """One entry of an upstream's list; its time is in seconds since 1970, 0 where it is not known."""

    created: int = 0
    owner: str = ""
    title: str = ""


class _Entry(msgspec.Struct):
    id: str
    created: object = None
    created_at: object = None
    owned_by: object = None
    display_name: object = None


class _Kept(msgspec.Struct):
    upstream: Upstream
    until: float
    models: dict[str, Model] | None


class Catalogue:
    """The lists of one worker's upstreams."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[dict[str, Model] | None]] = {}

    async def answer(self, context: Context, call: Call, *, direct: bool) -> None:
        """List the models that the caller may use, or describe the one that the path names."""
        await as_task()
        gateway, caller = self._gateway, context.caller
        assert caller is not None
        runtime = context.runtime
        placement = runtime.placer.place(
            address=context.client,
            declared=caller.country,
            key=caller.name,
            now=gateway.clock.wall(),
            headers={},
            direct=direct,
            rtt=None,
        )
        wanted = call.path.removeprefix("/v1/models").removeprefix("/")
        found = {} if placement.action == "block" else await self._listed(context, caller, placement, wanted)
        anthropic = context.dialect == "anthropic"
        if wanted and wanted not in found:
            problem = Problem(
                status=404, code="model_not_found", message=f"There is no model {wanted!r}.", retry=False
            )
            status, headers, body = error_answer(problem, context.dialect, context.id)
        else:
            entries = [(_for_anthropic if anthropic else _for_openai)(*one) for one in found.items()]
            value = entries[0] if wanted else (_page(entries, call.query) if anthropic else _all(entries))
            status, body = 200, msgspec.json.encode(value)
            name = b"request-id" if anthropic else b"x-request-id"
            headers = [(b"content-type", b"application/json"), (name, context.id)]
        context.status = status
        gateway.metrics.answered("models", "", "allow", status, gateway.clock.steady() - context.began)
        call.answer(status, headers, body)

    async def _listed(
        self, context: Context, caller: Caller, placement: Placement, wanted: str
    ) -> dict[str, Model]:
        """Return the models that `caller` may use: all, or the one wanted."""
        runtime, places = context.runtime, placement.places
        named = dict.fromkeys(runtime.model_names())
        lists = await self._lists(context, caller, placement) if not wanted or wanted not in named else {}
        names = [wanted] if wanted else [*named, *itertools.chain.from_iterable(lists.values())]
        tuned = [one for one in dict.fromkeys(names) if one.startswith("ft:")]
        strange = {
            one for one in tuned if await self._gateway.holdings.foreign([one], caller.owner) is not None
        }
        found: dict[str, Model] = {}
        for number, name in enumerate(dict.fromkeys(names), start=1):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if name not in caller.models or name in strange:
                continue
            plan = runtime.routes.plan(caller, name, places)
            if plan is None or not plan.candidates:
                continue
            model = _model_of(plan.candidates, lists, certain=name in named)
            if model is not None:
                found[name] = model
        return found

    async def _lists(
        self, context: Context, caller: Caller, placement: Placement
    ) -> dict[str, dict[str, Model]]:
        """Return the lists of the upstreams that globs lead to and the rules permit, by upstream."""
        runtime = context.runtime
        wanted: dict[str, None] = {}
        for route in runtime.config.route:
            if set(route.model) & set("*?["):
                wanted |= dict.fromkeys(name for name in route.upstreams if name not in route.substitutes)
        asked: dict[str, Coroutine[None, None, dict[str, Model] | None]] = {}
        for name in wanted:
            plan = runtime.routes.held_at(caller, name, "", placement.places)
            if plan is not None and plan.candidates and plan.candidates[0].target.config.api not in _NO_LIST:
                day = runtime.admission.today
                passage = Passage(0.0, runtime, caller, context.client, day, placement, plan, None, {})
                question = Inquiry(context, passage, MODELS, "/models", len(asked))
                asked[name] = self._list(question)
        lists = zip(asked, await asyncio.gather(*asked.values()), strict=True)
        return {name: found for name, found in lists if found is not None}

    async def _list(self, question: Inquiry) -> dict[str, Model] | None:
        """Return the list of one upstream: as kept, or asked for now; None if it has none."""
        target, now = question.candidate.target, self._gateway.clock.steady()
        kept = self._kept.get(target.name)
        if kept is not None and kept.upstream != target.config:
            kept = None
        if kept is not None and (now < kept.until or target.health.state != "closed"):
            return kept.models
        if target.health.state != "closed":
            return None
        task = self._asking.get(target.name)
        if task is None:
            task = asyncio.create_task(self._fetch(question, kept.models if kept is not None else None))
            self._asking[target.name] = task
            task.add_done_callback(lambda _: self._asking.pop(target.name, None))
        return await asyncio.shield(task)

    async def _fetch(self, question: Inquiry, before: dict[str, Model] | None) -> dict[str, Model] | None:
        """Ask one upstream, and keep what it says; what it said before if it says nothing now."""
        upstream = question.candidate.target.config
        question.query = _FIRST_PAGE.get(upstream.api, b"")
        body = await ask(self._gateway, question, limit=_MOST_BYTES, seconds=_PATIENCE_S)
        models = read_list(body) if body is not None else None
        until = self._gateway.clock.steady() + (_KEPT_S if models is not None else _FAILED_S)
        kept = self._kept[upstream.name] = _Kept(upstream, until, before if models is None else models)
        return kept.models


def _model_of(
    candidates: tuple[Candidate, ...], lists: dict[str, dict[str, Model]], *, certain: bool
) -> Model | None:
    """Return what is known of a model: of the first candidate that has a list; None if it is not in it."""
    for candidate in candidates:
        known = lists.get(candidate.target.name)
        if known is None:
            continue
        found = known.get(candidate.model)
        if found is None:
            break
        return (
            found if found.owner else msgspec.structs.replace(found, owner=candidate.target.config.provider)
        )
    return Model(owner=candidates[0].target.config.provider) if certain else None


def read_list(body: bytes) -> dict[str, Model] | None:
    """Return the models in an upstream's list; None if it is none."""
    try:
        value = msgspec.json.decode(body)
    except NOT_JSON:
        return None
    data = value.get("data", value.get("models")) if isinstance(value, dict) else value
    if not isinstance(data, list):
        return None
    found: dict[str, Model] = {}
    for one in data[:_MOST_MODELS]:
        try:
            entry = msgspec.convert(one, _Entry)
        except msgspec.ValidationError:
            continue
        name = entry.id.removeprefix("models/")  # Gemini's list; it takes both forms
        if name and len(name) <= _LONGEST_NAME and name.isprintable():
            found[name] = Model(
                _seconds(entry.created) or _seconds(entry.created_at),
                entry.owned_by if isinstance(entry.owned_by, str) else "",
                entry.display_name if isinstance(entry.display_name, str) else "",
            )
    return found


_LATEST = 253_402_300_799
"""The end of the year 9999."""


def _seconds(value: object) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if 0 <= value <= _LATEST else 0
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            return 0
        return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()))
    return 0


def _for_openai(name: str, model: Model) -> dict[str, object]:
    return {"id": name, "object": "model", "created": model.created, "owned_by": model.owner}


def _for_anthropic(name: str, model: Model) -> dict[str, object]:
    moment = dt.datetime.fromtimestamp(model.created, dt.UTC).isoformat().replace("+00:00", "Z")
    return {"type": "model", "id": name, "display_name": model.title or name, "created_at": moment}


def _all(entries: list[dict[str, object]]) -> dict[str, object]:
    return {"object": "list", "data": entries, "has_more": False}


def _page(entries: list[dict[str, object]], query: bytes) -> dict[str, object]:
    """Return the page of Anthropic's list that `query` asks for."""
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
    names = [one["id"] for one in entries]
    if asked.get("after_id") in names:
        entries = entries[names.index(asked["after_id"]) + 1 :]
    elif asked.get("before_id") in names:
        entries = entries[: names.index(asked["before_id"])]
    given = asked.get("limit", "")
    most = max(1, min(int(given), 1_000)) if given.isdecimal() and len(given) < 9 else 20
    page = entries[-most:] if "before_id" in asked else entries[:most]
    edges = (
        {"first_id": page[0]["id"], "last_id": page[-1]["id"]}
        if page
        else {"first_id": None, "last_id": None}
    )
    return {"data": page, "has_more": len(page) < len(entries), **edges}
