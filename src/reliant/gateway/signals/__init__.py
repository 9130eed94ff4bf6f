"""Where a request comes from, as far as that can be seen: one file per signal.

A signal looks at one request and returns evidence in words: what was seen, in
which table, of which day. No signal decides anything, and there is no score.
`placement` holds the table that turns evidence into places to ask the rules for.

To add a signal, add a file with a class that has `id`, `from_config` and `look`,
and name it `SIGNAL`; it is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from reliant.gateway.config import Config


class Evidence(NamedTuple):
    """One thing that was seen.

    Attributes:
        name: For example `address.country`, `address.network`, `travel`.
        value: For example `CN`, `vpn`, `impossible`.
        said_by: The table and its day, or how it was measured.
    """

    name: str
    value: str
    said_by: str

    def __str__(self) -> str:
        return f"{self.name}={self.value} ({self.said_by})"


class Seen(NamedTuple):
    """What a signal may look at.

    Attributes:
        address: Of the client, after trusted proxies.
        declared: The country that key, tenant or configuration state.
        key: Name of the key.
        now: Seconds since 1970.
        headers: Some of the caller's headers, names in small letters.
        direct: Whether the connection comes from the client itself, not through a proxy.
        rtt_ms: Round trip of the connection, if the system tells.
        found: What signals before this one have seen, by name.
    """

    address: str
    declared: str | None
    key: str
    now: float
    headers: Mapping[bytes, bytes]
    direct: bool
    rtt_ms: float | None
    found: Mapping[str, Evidence]


class Signal(Protocol):
    """One way to see something of a caller's place."""

    id: str
    order: int

    def look(self, seen: Seen) -> list[Evidence]:
        """Return what is seen; nothing if nothing is."""


def load_signals(config: Config) -> list[Signal]:
    """Return the signals that the configuration gives what they need, in order.

    Raises:
        ConfigError: A table cannot be read.
    """
    found: list[Signal] = []
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        factory = getattr(loaded, "SIGNAL", None)
        made = factory.from_config(config) if factory is not None else None
        if made is not None:
            found.append(made)
    return sorted(found, key=lambda signal: (signal.order, signal.id))
