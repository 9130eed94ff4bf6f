"""What kind of network an address belongs to: hosting, VPN or relay.

A relay is a service that hides addresses for everybody who uses some device or
office network. It says nothing against a caller, so it has its own class and no
weight. A list names networks, not intentions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reliant.gateway.signals import Evidence, Seen
from reliant.gateway.signals._ranges import Ranges, is_private, read_networks

if TYPE_CHECKING:
    from reliant.gateway.config import Config


class Network:
    """Address to class of network; the first list that has it, in the order relay, VPN, hosting."""

    id = "network"
    order = 20

    def __init__(self, tables: list[tuple[str, Ranges, str]]) -> None:
        self._tables = tables

    @classmethod
    def from_config(cls, config: Config) -> Network | None:
        """Return the signal if a list is given.

        Raises:
            ConfigError: A list cannot be read.
        """
        given = config.signals
        tables = []
        for label, paths in (
            ("relay", given.relay_cidr),
            ("vpn", given.vpn_cidr),
            ("hosting", given.hosting_cidr),
        ):
            if paths:
                ranges = read_networks(paths)
                names = ", ".join(Path(path).name for path in paths)
                tables.append((label, ranges, f"{names} of {given.tables_dated or 'unknown day'}"))
        return cls(tables) if tables else None

    def look(self, seen: Seen) -> list[Evidence]:
        """Return the class, or `unlisted`."""
        if is_private(seen.address):
            return []
        for label, ranges, said_by in self._tables:
            if ranges.find(seen.address) is not None:
                return [Evidence("address.network", label, said_by)]
        return [Evidence("address.network", "unlisted", "in none of the lists given")]


SIGNAL = Network
