"""The gateway's own refusals and errors, from what was decided to what the caller reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.gateway.api.answers import Problem, bad_request
from reliant.gateway.api.body import NOT_JSON
from reliant.gateway.api.surface import RESPONSES

if TYPE_CHECKING:
    from reliant.gateway.admit.keys import Caller
    from reliant.gateway.admit.limits import Exceeded
    from reliant.gateway.admit.placement import Placement
    from reliant.gateway.api.body import Head
    from reliant.gateway.api.surface import Endpoint
    from reliant.gateway.audit.records import Attempt
    from reliant.gateway.config import Quota
    from reliant.gateway.route.routes import Plan
    from reliant.gateway.upstream.client import UpstreamFailure


def refusal(plan: Plan, placement: Placement) -> Problem:
    """Return the refusal of a plan that has no candidate: rule, source, and what would change it."""
    ruling = plan.refused
    if ruling is None:
        reasons = "; ".join(plan.left_out)
        return Problem(
            status=403,
            code="reliant_no_permitted_upstream",
            message=f"No upstream may serve this: {reasons}.",
            type="request_forbidden",
            retry=False,
        )
    first = ruling.because[0] if ruling.because else None
    rule = first.rule if first else None
    parts = [first.summary if first else "The rules refuse it."]
    if first and first.since:
        parts.append(f"In force since {first.since}.")
    if first and (first.source or first.source_url):
        parts.append(f"Source: {', '.join(one for one in (first.source, first.source_url) if one)}.")
    if first and first.rests_on:
        parts.append(f"It rests on: {'; '.join(first.rests_on)}.")
    seen = _seen_there(ruling.place, placement)
    if seen:
        parts.append(f"The place is that of the address: {seen}.")
    if first and first.missing:
        parts.append(f"What would decide it: {'; '.join(first.missing)}.")
    headers = [(b"x-reliant-rule", rule.encode("ascii", "replace"))] if rule else []
    if first and first.source_url:
        headers.append((b"x-reliant-source", first.source_url.encode("ascii", "replace")))
    unknown = first is not None and first.verdict == "UNKNOWN"
    return Problem(
        status=403,
        code="reliant_policy_unknown" if unknown else "reliant_policy_denied",
        message=" ".join(parts),
        type="request_forbidden",
        param=rule,
        retry=False,
        headers=tuple(headers),
        detail={
            "verdict": ruling.verdict,
            "place": ruling.place,
            **({"row": placement.row, "evidence": list(placement.evidence)} if seen else {}),
            "because": [msgspec.to_builtins(one) for one in ruling.because],
            "left_out": list(plan.left_out),
        },
    )


def _seen_there(place: str | None, placement: Placement) -> str:
    """Return what places a caller where nobody declared it to be; nothing where the place was declared."""
    if place is None or (place == placement.places[0] and not placement.row.startswith("8 ")):
        return ""
    return next((one for one in placement.evidence if one.startswith("address.country=")), "")


def place_problem(placement: Placement) -> Problem:
    """Return the refusal by a row of the decision table."""
    return Problem(
        status=403,
        code="reliant_place_refused",
        message=f"The place of this request cannot be accepted (row {placement.row}). "
        f"Seen: {'; '.join(placement.evidence)}.",
        type="request_forbidden",
        retry=False,
        detail={"row": placement.row, "evidence": list(placement.evidence)},
    )


def unmet_need(down: list[str]) -> Problem:
    """Return the answer while something the route also needs is down."""
    return Problem(
        status=503,
        code="reliant_need_unmet",
        message=f"This route also needs what is down now: {', '.join(down)}.",
        type="server_error",
        retry_after_s=5,
    )


def quota_exceeded(exceeded: Exceeded, quota: Quota) -> Problem:
    """Return the answer to a key with `quota` that has reached a bound."""
    if exceeded.name == "store_down":
        return Problem(
            status=503,
            code="reliant_limits_unavailable",
            message="The shared limits cannot be read, and the operator chose to refuse then.",
            type="server_error",
            retry_after_s=1,
        )
    whole = getattr(quota, exceeded.name, exceeded.limit)
    part = f" (of which this worker holds {exceeded.limit:g})" if exceeded.limit != whole else ""
    return Problem(
        status=429,
        code="reliant_quota_exceeded",
        message=f"The key's bound {exceeded.name} of {whole:g}{part} is reached. "
        f"Try again in {exceeded.retry_after_s} s.",
        type="rate_limit_error",
        param=exceeded.name,
        retry=None if exceeded.retry_after_s <= 60 else False,
        retry_after_s=exceeded.retry_after_s,
    )


def unknown_object(object_id: str) -> Problem:
    """Return the answer for an object that is not known, or is somebody else's."""
    return Problem(
        status=404,
        code="not_found",
        message=f"No object {object_id!r} is known here.",
        param="id",
        retry=False,
    )


def held_apart(holders: dict[str, str]) -> Problem:
    """Return the answer to a request about objects at several providers; `holders` has one of each."""
    where = ", ".join(f"{one!r} at {upstream!r}" for upstream, one in holders.items())
    return Problem(
        status=400,
        code="objects_held_apart",
        message=f"One provider must hold all that a request names: {where}.",
        retry=False,
    )


def held_elsewhere(object_id: str, upstream: str, model: str) -> Problem:
    """Return the answer to a model that is not routed to the provider that holds what it should read."""
    return Problem(
        status=400,
        code="object_held_elsewhere",
        message=f"{object_id!r} is held at {upstream!r}, where no route sends {model!r}.",
        param="model",
        retry=False,
    )


def backwards() -> Problem:
    """Return the answer to a list that is to be read backwards over several providers."""
    return Problem(
        status=400,
        code="list_read_backwards",
        message="What this list shows is held at several providers, so that it is read forwards only: "
        "use `after`, not `before`.",
        param="before",
        retry=False,
    )


def list_broken(upstream: str) -> Problem:
    """Return the answer where a provider that holds something of the caller does not give its list."""
    return Problem(
        status=502,
        code="upstream_unreachable",
        message=f"The provider behind {upstream!r} holds objects of yours and does not list them, so that "
        "this list would not be whole.",
        type="server_error",
    )


def no_messages() -> Problem:
    """Return the answer where something of Anthropic's format is asked for and nobody speaks it."""
    return Problem(
        status=404,
        code="not_served",
        message="No upstream of this gateway speaks Messages.",
        retry=False,
    )


def not_judged(place: str) -> Problem:
    """Return the answer where what would run cannot be read at the provider."""
    return Problem(
        status=502,
        code="reliant_not_judged",
        message=f"The provider does not say what {place} would run, so that it cannot be judged.",
        type="server_error",
    )


def not_served(method: str, path: str, *, session: bool = False) -> Problem:
    """Return the answer for a path that is not listed, or for a `session` over a WebSocket."""
    if session or path.startswith(("/v1/realtime", "/v1/live")):
        return Problem(
            status=404,
            code="realtime_not_served",
            message="This gateway does not serve realtime sessions: what is said in them could not be "
            "judged, recorded or moved to another provider. Use POST /v1/responses or /v1/chat/completions.",
            retry=False,
        )
    return Problem(
        status=404,
        code="not_served",
        message=f"This gateway does not serve {method} {path[:200]}.",
        retry=False,
    )


def too_large(limit: int) -> Problem:
    """Return the answer to a body over the limit."""
    return Problem(
        status=413,
        code="body_too_large",
        message=f"The body is larger than {limit} bytes.",
        retry=False,
        headers=((b"connection", b"close"),),
    )


def broken_off(upstream: str) -> Problem:
    """Return the answer where a provider broke off before anything was sent."""
    return Problem(
        status=502,
        code="upstream_cut",
        message=f"The answer from {upstream!r} broke off.",
        type="server_error",
    )


def scope_problem(caller: Caller, endpoint: Endpoint, model: str, head: Head) -> Problem | None:
    """Return why a key may not make this request, if it may not."""
    if endpoint.name not in caller.endpoints:
        return endpoint_problem(endpoint.name)
    if model:
        return None if model in caller.models else model_problem(model)
    stored = endpoint is RESPONSES and (head.previous_response_id is not None or bool(head.prompt))
    if not (endpoint.model_optional or endpoint.body == "none" or stored):
        return bad_request("you must provide a model parameter", param="model")
    if endpoint.runs and not caller.models.everything:
        return model_problem("")
    return None


def endpoint_problem(name: str) -> Problem:
    """Return the refusal of a kind of request that the key may not make."""
    return Problem(
        status=403,
        code="endpoint_not_permitted",
        message=f"This key may not use {name}.",
        type="request_forbidden",
        retry=False,
    )


def model_problem(model: str) -> Problem:
    """Return the refusal of a model that the key may not use; of one that is not named, if it is empty."""
    usual = "This key may use some models only, so that a request must name its model."
    return Problem(
        status=403,
        code="model_not_permitted",
        message=f"This key may not use the model {model!r}." if model else usual,
        type="request_forbidden",
        param="model",
        retry=False,
    )


def no_route(model: str) -> Problem:
    """Return the answer for a model that no route serves."""
    return Problem(
        status=404,
        code="model_not_found",
        message=f"No route of this gateway serves the model {model!r}.",
        param="model",
        retry=False,
    )


def failure_problem(failure: UpstreamFailure, upstream: str) -> Problem:
    """Return the answer for a provider that gave none."""
    if failure.kind in {"timeout", "idle"}:
        return Problem(
            status=504,
            code="upstream_timeout",
            message=f"The provider behind {upstream!r} did not answer in time.",
            type="server_error",
        )
    if failure.kind == "untranslatable":
        return Problem(
            status=400,
            code="not_translatable",
            message=f"The request cannot be made of {upstream!r}: {failure}.",
            retry=False,
        )
    if failure.kind == "busy":
        return Problem(
            status=503,
            code="upstream_busy",
            message=f"All connections to {upstream!r} are in use.",
            type="server_error",
            retry_after_s=1,
        )
    return Problem(
        status=502,
        code="upstream_unreachable",
        message=f"The provider behind {upstream!r} gave no usable answer ({failure.kind}).",
        type="server_error",
    )


def nobody(attempts: list[Attempt], waiting: int) -> Problem:
    """Return the answer where no upstream could be asked."""
    states = ", ".join(f"{one.upstream} ({one.result.removeprefix('skipped: ')})" for one in attempts)
    return Problem(
        status=503,
        code="no_upstream_available",
        message=f"No upstream can be asked now: {states or 'none is permitted'}.",
        type="server_error",
        retry_after_s=waiting or 1,
    )


def our_key(status: int, body: bytes) -> Problem:
    """Return the answer where a provider refused the gateway's own key."""
    inner = _error_fields(body)
    return Problem(
        status=502,
        code="upstream_key_refused",
        message="The provider refused the gateway's own key. Your key is not the problem.",
        type="server_error",
        retry=False,
        detail={"upstream_status": status, "upstream_code": inner.get("code") or inner.get("type")},
    )


def _error_fields(body: bytes) -> dict[str, object]:
    try:
        value = msgspec.json.decode(body)
    except NOT_JSON:
        return {}
    inner = value.get("error") if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}
