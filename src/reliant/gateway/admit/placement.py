"""The decision table: from what was seen of a place to the places the rules are asked for.

The first row that fits decides, and its number goes into the log with the
evidence. There is no score, so anybody can follow why a request was treated as it
was, and appeal to the row.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from reliant.gateway.config import Config
from reliant.gateway.signals import Evidence, Seen, Signal
from reliant.gateway.signals._ranges import is_private

_KEPT_S = 60.0
_KEPT = 20_000


class Placement(NamedTuple):
    """Where the rules are asked for, and why.

    Attributes:
        places: The rules must agree for all of them.
        action: `allow`, `warn` or `block`, from the table alone.
        row: Which row of the table decided.
        evidence: In words, for the log.
    """

    places: tuple[str | None, ...]
    action: str
    row: str
    evidence: tuple[str, ...]

    def said(self) -> tuple[str, ...]:
        """Return what the log says of it: what was seen, and the row; nothing where nobody looks."""
        return () if self.row.startswith("0 ") else (*self.evidence, self.row)


class Table:
    """The rows, in order, with the operator's choices where a row has one."""

    def __init__(self, config: Config) -> None:
        self._policy = config.policy
        signals = config.signals
        self._has_countries = signals.country_mmdb is not None or bool(signals.country_csv)

    def place(
        self, declared: str | None, found: Mapping[str, Evidence]
    ) -> tuple[tuple[str | None, ...], str, str]:
        """Return places, action and the row that decided."""
        country = found.get("address.country")
        network = found["address.network"].value if "address.network" in found else ""
        seen = country.value if country is not None else None
        policy = self._policy
        if seen == "private":
            return (declared,), "allow", "1 not a public address: as declared"
        if network == "relay":
            return (declared,), "allow", "2 relay for everybody: as declared"
        if network == "vpn":
            return (declared,), policy.hidden_network, "3 VPN: the address tells no place"
        if "latency" in found:
            return (declared,), _conflict(policy.place_conflict), "4 answers too fast for the declared place"
        if "travel" in found and policy.place_conflict == "block":
            return (declared, seen), "block", "5 impossible travel"
        if network == "hosting":
            return (declared,), "allow", "6 hosting: servers call from anywhere, as declared"
        if seen is None:
            action = policy.unknown_network if self._has_countries else "allow"
            return (declared,), action, "7 the address is in no table"
        if declared is None:
            return (seen,), "allow", "8 nothing declared: the address's country"
        if seen == declared:
            return (declared,), "warn" if "travel" in found else "allow", "9 address and declaration agree"
        if policy.place_conflict == "both":
            return (declared, seen), "allow", "10 they differ: the rules must allow both"
        return (declared,), policy.place_conflict, "10 they differ"


def _conflict(choice: str) -> str:
    return "block" if choice == "block" else "warn"


class Placer:
    """Asks the signals and the table; answers are kept for a minute per key and address."""

    def __init__(self, config: Config, signals: list[Signal]) -> None:
        self._signals = signals
        self._table = Table(config)
        self._kept: OrderedDict[tuple[str, str, str | None, bytes], tuple[float, Placement]] = OrderedDict()

    def place(
        self,
        *,
        address: str,
        declared: str | None,
        key: str,
        now: float,
        headers: Mapping[bytes, bytes],
        direct: bool,
        rtt: Callable[[], float | None] | None,
    ) -> Placement:
        """Return the placement of a request."""
        if not self._signals:
            return _AS_DECLARED.setdefault(
                declared, Placement((declared,), "allow", "0 no signal is set up", ())
            )
        mark = (key, address, declared, headers.get(b"accept-language", b""))
        kept = self._kept.get(mark)
        if kept is not None and now < kept[0]:
            return kept[1]
        found: dict[str, Evidence] = {}
        rtt_ms = rtt() if rtt is not None and not is_private(address) else None
        for signal in self._signals:
            for one in signal.look(Seen(address, declared, key, now, headers, direct, rtt_ms, found)):
                found[one.name] = one
        places, action, row = self._table.place(declared, found)
        placement = Placement(places, action, row, tuple(str(one) for one in found.values()))
        self._kept[mark] = (now + _KEPT_S, placement)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return placement


_AS_DECLARED: dict[str | None, Placement] = {}


class Proxies:
    """Whose word on the client's address is taken.

    The header is read from the right: each trusted proxy vouches for the entry it
    added, and the first address that is not a trusted proxy is the client. What a
    client wrote itself stands further left and is never reached.
    """

    def __init__(self, config: Config) -> None:
        self._trusted = [ipaddress.ip_network(one) for one in config.listen.trusted_proxies]
        self.header = config.listen.forwarded_header.encode()
        self._known: dict[str, bool] = {}

    def trusts(self, address: str) -> bool:
        """Say whether `address` is a trusted proxy."""
        found = self._known.get(address)
        if found is None:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:
                return False
            found = any(parsed in network for network in self._trusted)
            if len(self._known) < _KEPT:
                self._known[address] = found
        return found

    def client(self, peer: str, values: list[bytes]) -> tuple[str, bool]:
        """Return the client's address, and whether it is the peer itself.

        Args:
            peer: The other end of the connection.
            values: The forwarding header, every occurrence in order.
        """
        peer = _plain(peer)
        if not self._trusted or not values or not self.trusts(peer):
            return peer, True
        hops = [hop for value in values for hop in value.decode("latin-1").split(",")]
        address = peer
        for hop in reversed(hops):
            found = _address(hop, forwarded=self.header == b"forwarded")
            if found is None:
                break  # not an address: whoever wrote it, nothing left of it can be trusted
            address = found
            if not self.trusts(address):
                break
        return address, address == peer


def _address(hop: str, *, forwarded: bool) -> str | None:
    text = hop.strip()
    if forwarded:
        pairs = [pair.partition("=") for pair in text.split(";")]
        named = [value for name, _, value in pairs if name.strip().lower() == "for"]
        text = named[0].strip().strip('"') if len(named) == 1 else ""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return _plain(str(ipaddress.ip_address(text)))
    except ValueError:
        return None


def _plain(address: str) -> str:
    """Return the IPv4 address that a socket for both kinds writes as one of IPv6."""
    if not address.startswith("::ffff:"):
        return address
    try:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return str(mapped) if mapped is not None else address
