"""Faults that can be put between the gateway and a provider, to rehearse a cut: one file per fault.

A fault is a class with an `id` and `before`, which is asked before a request goes
to an upstream and may answer in the provider's place. It is only ever set by the
operator, for named keys and a limited time, and every use of it is written into
the decision log as an attempt named `fault:<id>`.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from reliant.gateway.api.answers import Headers


class Staged(NamedTuple):
    """What the caller's request meets instead of the provider.

    Attributes:
        status: 0 for a connection that breaks before any answer.
    """

    status: int
    headers: Headers
    body: bytes


class Fault(Protocol):
    """One way for a provider to fail."""

    id: str

    def before(self, *, upstream: str, provider: str, model: str, key: str) -> Staged | None:
        """Return what to answer instead of asking the provider; None to let the request pass."""
