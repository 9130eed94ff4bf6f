"""Takes back what cannot be: a lab that serves nothing but its own models with somebody else's.

Code names a provider and a model in many ways, and a default that stands in one class is easily
carried into a call of another (`ChatAnthropic(model=self.model_name)` where `model_name` begins as
`gpt-4-turbo`). Who is called is sure then, and which model is not: it is chosen at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reliant.core.use import Kind, Role
from reliant.inventory.signals import What

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliant.inventory.placed import Placed
    from reliant.inventory.vendors import Vendors

_OWN_API = {"lab", "api"}
_NOBODY_SERVES = frozenset({Kind.OPEN_WEIGHTS, Kind.TOKENIZER})


def only_what_is_served(placed: Sequence[Placed], vendors: Vendors) -> list[Placed]:
    """Return the signals; a model at a lab that cannot serve it is that lab, with a model unknown.

    The model is kept, without a provider, if nobody else in the target is said to serve it.
    """
    elsewhere = {
        p.signal.model.lower()
        for p in placed
        if p.signal.what is What.MODEL
        and p.signal.model
        and p.signal.provider
        and p.signal.role is not Role.LISTED
        and not _impossible(p, vendors)
    }
    found: list[Placed] = []
    for p in placed:
        if not _impossible(p, vendors):
            found.append(p)
            continue
        orphan = msgspec.structs.replace(p.signal, provider=None, sdk=None, channel=None, endpoint=None)
        if p.signal.role is Role.LISTED:
            found.append(p._replace(signal=orphan))
            continue
        called = msgspec.structs.replace(
            p.signal, what=What.ENDPOINT, model=None, developer=None, env=None, run_time=True
        )
        found.append(p._replace(signal=called))
        if str(p.signal.model).lower() not in elsewhere:
            found.append(p._replace(signal=orphan))
    return found


def _impossible(p: Placed, vendors: Vendors) -> bool:
    """Say whether a lab that serves its own models alone is said to serve another lab's."""
    signal = p.signal
    if signal.what is not What.MODEL or not signal.model or signal.kind in _NOBODY_SERVES or signal.family:
        return False
    return cannot_serve(signal.provider, signal.model, vendors)


def cannot_serve(provider: str | None, model: str, vendors: Vendors) -> bool:
    """Say whether a provider is a lab that serves its own models alone, and the model is another's."""
    record = vendors.providers.get(provider or "")
    if record is None or not _OWN_API <= set(record.roles) <= {*_OWN_API, "app"}:
        return False
    developer = vendors.developer(model)
    return developer is not None and developer not in {record.id, *record.serves}


__all__ = ["cannot_serve", "only_what_is_served"]
