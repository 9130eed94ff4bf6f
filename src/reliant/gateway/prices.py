"""What a call costs at list price, for budgets.

From the configuration, or else from the price data of the package genai-prices,
which is loaded only if some key has a budget in money. A model without a known
price costs nothing here, and the log then shows tokens without money.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from reliant.errors import MissingExtra
from reliant.gateway.config import Config, Quota


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
            upstream.name: upstream.price_usd_per_mtok
            for upstream in config.upstream
            if upstream.price_usd_per_mtok
        }
        self._providers = {upstream.name: upstream.provider for upstream in config.upstream}
        wanted = any(
            quota.usd_per_day is not None or quota.usd_per_month is not None
            for quota in (*(key.quota for key in config.key), *quotas)
        )
        self._listed = _load() if wanted and len(self._given) < len(config.upstream) else None
        self._known = functools.lru_cache(maxsize=4_096)(self._of_list)
        self.active = wanted or bool(self._given)

    def microusd(self, upstream: str, model: str, tokens_in: int, tokens_out: int) -> int:
        """Return the price in millionths of a dollar; 0 if it is not known."""
        given = self._given.get(upstream)
        if given is not None:
            return int(tokens_in * given.get("input", 0.0) + tokens_out * given.get("output", 0.0))
        if self._listed is None:
            return 0
        each = self._known(self._providers.get(upstream, ""), model)
        return int(tokens_in * each[0] + tokens_out * each[1])

    def _of_list(self, provider: str, model: str) -> tuple[float, float]:
        """Return dollars per million tokens in and out."""
        if self._listed is None:
            return 0.0, 0.0
        return self._listed(provider, model)


def _load() -> _Listed:
    try:
        import genai_prices  # noqa: F401, PLC0415 - heavy, and only for budgets
    except ImportError:
        raise MissingExtra("a budget in money without configured prices", "gateway-prices") from None
    return _Listed()


class _Listed:
    """Asks the package for the price of a million tokens each way."""

    def __call__(self, provider: str, model: str) -> tuple[float, float]:
        from genai_prices import Usage, calc_price  # noqa: PLC0415

        found = []
        for usage in (Usage(input_tokens=1_000), Usage(output_tokens=1_000)):
            for provider_id in (provider, None):
                try:
                    price = calc_price(usage, model_ref=model, provider_id=provider_id)
                except LookupError:
                    continue
                found.append(float(price.total_price) * 1_000)
                break
            else:
                found.append(0.0)
        return found[0], found[1]
