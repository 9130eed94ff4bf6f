"""Where a client that is made from an SDK sends its calls, the same for every language."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reliant.inventory.imports import kind_of
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from reliant.core.use import Kind
    from reliant.inventory.vendor_facts import Name, SdkFacts


class Endpoint(NamedTuple):
    """Where a client of a file sends its calls."""

    provider: str | None
    sdk: SdkFacts | None
    kind: Kind | None
    host: str | None
    estate: str | None
    env: str | None
    confidence: float
    family: bool = False
    asks: str = ""
    region_asks: str = ""

    def signal(self, name: str, line: int, column: int, block: tuple[str, ...]) -> Signal:
        """Return the signal of a client made there with the SDK of this name."""
        return Signal(
            what=What.ENDPOINT,
            line=line,
            column=column,
            block=block,
            provider=self.provider,
            sdk=name,
            kind=self.kind,
            endpoint=self.host,
            region=self.estate,
            env=self.env,
            confidence=self.confidence,
            family=self.family,
            fixed=self.sdk is not None and not self.sdk.replaceable,
            asks=self.asks,
            region_asks=self.region_asks,
        )


def usual_endpoint(sdk: SdkFacts, info: Name | None) -> tuple[Endpoint, bool]:
    """Return where a client goes that is given no address, and whether an address would change that."""
    provider = info.provider if info and info.provider else sdk.provider
    kind = kind_of(info.kind if info and info.kind else sdk.kind)
    replaceable = info.replaceable if info and info.replaceable is not None else sdk.replaceable
    env = sdk.base_url_env[0] if sdk.base_url_env else None
    return Endpoint(provider, sdk, kind, None, None, env, 0.9), replaceable
