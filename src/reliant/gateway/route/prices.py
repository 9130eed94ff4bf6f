"""What a call costs at list price, for budgets.

From the upstream's entry in the configuration, or else from the price data of the
package genai-prices, which is loaded only if some key has a budget in money, or
else from `[prices] usd_per_mtok`. A model without any of these has no known price:
its calls count as unknown and not as free, and a key with a budget is refused them
unless the operator says otherwise.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from reliant.errors import MissingExtra
from reliant.gateway.api.answers import Problem
from reliant.gateway.api.surface import Endpoint
from reliant.gateway.config import Config, Quota
from reliant.gateway.route.routes import Plan, warning_header


class Each(NamedTuple):
    """US dollars for a million tokens each way."""

    tokens_in: float
    tokens_out: float


class Prices:
    """US dollars per call."""

    def __init__(self, config: Config, quotas: Iterable[Quota] = ()) -> None:
        """Load prices if a key needs them.

        Args:
            config: Upstreams with their prices, and keys.
            quotas: Of keys that were made at run time.

        Raises:
            MissingExtra: A key has a budget, no price is configured, and the package is not there.
        """
        self._given = {
            upstream.name: _each(upstream.price_usd_per_mtok)
            for upstream in config.upstream
            if upstream.price_usd_per_mtok
        }
        self._else = _each(config.prices.usd_per_mtok) if config.prices.usd_per_mtok else None
        self._providers = {upstream.name: upstream.provider for upstream in config.upstream}
        wanted = any(map(in_money, (*(key.quota for key in config.key), *quotas)))
        self._listed = _load() if wanted and len(self._given) < len(config.upstream) else None
        self._known = functools.lru_cache(maxsize=4_096)(self._find)
        self.active = wanted or bool(self._given) or self._else is not None
        self.refuses = config.prices.unknown == "refuse"

    def each(self, upstream: str, model: str) -> Each | None:
        """Return what a model costs at an upstream; None if that is not known."""
        given = self._given.get(upstream)
        return given if given is not None else self._known(self._providers.get(upstream, ""), model)

    def microusd(self, upstream: str, model: str, tokens_in: int, tokens_out: int) -> int | None:
        """Return the price in millionths of a dollar; None if it is not known."""
        each = self.each(upstream, model)
        return None if each is None else int(tokens_in * each[0] + tokens_out * each[1])

    def _find(self, provider: str, model: str) -> Each | None:
        found = self._listed(provider, model) if self._listed is not None else None
        return found if found is not None else self._else


def in_money(quota: Quota) -> bool:
    """Say whether a quota is a budget in money."""
    return quota.usd_per_day is not None or quota.usd_per_month is not None


_RUNS_UNSEEN = frozenset(
    {"batches", "message_batches", "fine_tuning", "evals", "videos", "threads", "containers"}
)
"""Kinds of request that let a model run without saying in the answer what it used."""


def within_budget(
    prices: Prices, quota: Quota, endpoint: Endpoint, method: str, plan: Plan
) -> Plan | Problem:
    """Leave out the upstreams where a key with a budget would spend what nobody can count."""
    if not in_money(quota) or method not in {"POST", "PUT"}:
        return plan
    if endpoint.name in _RUNS_UNSEEN:
        unpriced = [f"what {endpoint.name} cost is not known when they are asked for"] * len(plan.candidates)
    else:
        unpriced = [
            f"the price of {_named(one.model)} at {one.target.name!r} is not known"
            if (one.model or endpoint.runs) and prices.each(one.target.name, one.model) is None
            else ""
            for one in plan.candidates
        ]
    if not any(unpriced):
        return plan
    if not prices.refuses:
        said = tuple(
            one._replace(headers=(*one.headers, warning_header(f"{why}: outside the budget"))) if why else one
            for one, why in zip(plan.candidates, unpriced, strict=True)
        )
        return plan._replace(candidates=said)
    left = tuple(one for one, why in zip(plan.candidates, unpriced, strict=True) if not why)
    if left:
        out = tuple(why for why in unpriced if why)
        return plan._replace(candidates=left, left_out=(*plan.left_out, *out))
    return Problem(
        status=403,
        code="reliant_price_unknown",
        message=f"This key has a budget in money, and {unpriced[0]}. The operator can say a price with "
        "price_usd_per_mtok or [prices] usd_per_mtok, or let such calls through with [prices] unknown.",
        type="request_forbidden",
        param="model",
        retry=False,
    )


def _named(model: str) -> str:
    """Return a model as a sentence has it; where none is named, the provider runs one of its own."""
    return repr(model) if model else "the usual model"


def _each(price: Mapping[Literal["input", "output"], float]) -> Each:
    return Each(price.get("input", 0.0), price.get("output", 0.0))


def _load() -> _Listed:
    try:
        import genai_prices  # noqa: F401, PLC0415 - heavy, and only for budgets
    except ImportError:
        raise MissingExtra("a budget in money without configured prices", "gateway-prices") from None
    return _Listed()


class _Listed:
    """Asks the package for the price of a million tokens each way."""

    def __call__(self, provider: str, model: str) -> Each | None:
        from genai_prices import Usage, calc_price  # noqa: PLC0415

        for provider_id in (provider, None):
            try:
                priced = calc_price(Usage(input_tokens=1_000), model_ref=model, provider_id=provider_id)
                back = calc_price(Usage(output_tokens=1_000), model_ref=model, provider_id=provider_id)
            except LookupError:
                continue
            if priced.model_price.input_mtok is None and priced.model_price.output_mtok is None:
                return None  # it is sold by the hour, the letter or the picture
            return Each(float(priced.total_price) * 1_000, float(back.total_price) * 1_000)
        return None
