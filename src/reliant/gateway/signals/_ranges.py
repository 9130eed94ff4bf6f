"""Tables of address ranges, small in memory and fast to ask."""

from __future__ import annotations

import bisect
import csv
import ipaddress
import itertools
import socket
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from reliant.errors import ConfigError

_MAX_ROWS = 5_000_000
_V6_SHIFT = 64
_DIGITS = 40
_SHARED = ipaddress.ip_network("100.64.0.0/10")

_Table: TypeAlias = "tuple[array[int], array[int], list[str]]"
_Stamps: TypeAlias = tuple[tuple[int, ...] | None, ...]


class Ranges:
    """Ranges of addresses, each with a short label; of IPv6 the first 64 bits count.

    Ranges may lie in one another: the narrower holds.
    """

    def __init__(self) -> None:
        self._v4: _Table = (array("Q"), array("Q"), [])
        self._v6: _Table = (array("Q"), array("Q"), [])
        self._labels: dict[str, str] = {}

    def add(self, first: str, last: str, label: str) -> None:
        """Add a range; `finish` must follow the last.

        Raises:
            ValueError: The two are no addresses of one kind.
        """
        version, low = _number(first)
        other, high = _number(last)
        if version != other and first.isdigit():
            version = other  # small numbers alone do not tell of which kind they are
        elif version != other or low > high:
            raise ValueError(f"{first} to {last} is no range")
        self._add(version, low, high, label)

    def add_network(self, text: str, label: str = "") -> None:
        """Add a network, for example `192.0.2.0/24`, or one address.

        Raises:
            ValueError: It is neither.
        """
        address, slash, length = text.partition("/")
        version, number = _number(address)
        bits = 32 if version == 4 else 128
        if slash and not (length.isascii() and length.isdigit() and int(length) <= bits):
            raise ValueError(f"{text!r} is no network")
        host = (1 << (bits - int(length or bits))) - 1
        self._add(version, number & ~host, number | host, label)

    def _add(self, version: int, low: int, high: int, label: str) -> None:
        table = self._v4 if version == 4 else self._v6
        shift = 0 if version == 4 else _V6_SHIFT
        table[0].append(low >> shift)
        table[1].append(high >> shift)
        table[2].append(self._labels.setdefault(label, label))

    def finish(self) -> Ranges:
        """Sort, and let the narrower of two ranges that overlap hold; return the table."""
        self._v4 = _disjoint(self._v4)
        self._v6 = _disjoint(self._v6)
        return self

    def find(self, address: str) -> str | None:
        """Return the label of the range that holds `address`; None if none does, or it is no address."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return None
        if parsed.version == 6 and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        starts, ends, labels = self._v4 if parsed.version == 4 else self._v6
        number = int(parsed) >> (0 if parsed.version == 4 else _V6_SHIFT)
        at = bisect.bisect_right(starts, number) - 1
        return labels[at] if at >= 0 and number <= ends[at] else None

    def __len__(self) -> int:
        return len(self._v4[0]) + len(self._v6[0])


def _number(text: str) -> tuple[int, int]:
    """Return the version and the number of an address, in words or as a number.

    Raises:
        ValueError: It is no address.
    """
    text = text.strip()
    try:
        if ":" in text:
            return 6, int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
        if "." in text:
            return 4, int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except OSError:
        pass
    if text.isascii() and text.isdigit() and len(text) < _DIGITS and int(text) < 1 << 128:
        return 4 if int(text) < 1 << 32 else 6, int(text)
    raise ValueError(f"{text!r} is no address")


def _disjoint(table: _Table) -> _Table:
    """Return the same ranges in order and without overlaps: where several hold, the one that began last."""
    starts, ends, labels = table
    if all(one < two for one, two in zip(ends, itertools.islice(starts, 1, None), strict=False)):
        return table
    flat: _Table = array("Q"), array("Q"), []

    def hold(low: int, high: int, label: str) -> None:
        if low <= high:
            flat[0].append(low)
            flat[1].append(high)
            flat[2].append(label)

    around: list[int] = []
    done = 0  # everything before this is told
    for at in sorted(range(len(starts)), key=lambda at: (starts[at], -ends[at])):
        low = starts[at]
        while around and ends[around[-1]] < low:
            inner = around.pop()
            hold(done, ends[inner], labels[inner])
            done = max(done, ends[inner] + 1)
        if around:
            hold(done, low - 1, labels[around[-1]])
        around.append(at)
        done = low
    for inner in reversed(around):
        hold(done, ends[inner], labels[inner])
        done = max(done, ends[inner] + 1)
    return flat


def read_country_csv(paths: tuple[str, ...]) -> Ranges:
    """Return the ranges of files with rows `first,last,country`; addresses may be written as numbers.

    Raises:
        ConfigError: A file cannot be read, or a row is wrong; the line is named.
    """

    def read() -> Ranges:
        ranges = Ranges()
        for path in paths:
            number = 0
            try:
                with Path(path).open(encoding="utf-8-sig", newline="") as file:
                    for number, row in enumerate(itertools.islice(csv.reader(file), _MAX_ROWS), start=1):  # noqa: B007 - named in the error
                        if row:
                            ranges.add(row[0], row[1], row[2].strip().upper())
            except (OSError, ValueError, IndexError, csv.Error) as error:
                what = "has fewer than three columns" if isinstance(error, IndexError) else str(error)
                problem = f"is no table of addresses and countries: {what}"
                raise ConfigError(path, number, problem, hint="Rows are first,last,country.") from None
        return ranges.finish()

    return _kept(("country", *paths), paths, read)


def read_networks(paths: tuple[str, ...]) -> Ranges:
    """Return the networks that the files list, one a line; what follows a comma or a `#` is passed over.

    Raises:
        ConfigError: A file cannot be read, or a line is no network.
    """

    def read() -> Ranges:
        ranges = Ranges()
        for path in paths:
            number = 0
            try:
                with Path(path).open(encoding="utf-8-sig") as file:
                    for number, line in enumerate(itertools.islice(file, _MAX_ROWS), start=1):  # noqa: B007 - named in the error
                        text = line.partition("#")[0].partition(",")[0].strip()
                        if text:
                            ranges.add_network(text)
            except (OSError, ValueError) as error:
                problem = f"is no list of networks: {error}"
                raise ConfigError(
                    path, number, problem, hint="A line is 192.0.2.0/24, for example."
                ) from None
        return ranges.finish()

    return _kept(("networks", *paths), paths, read)


_TABLES: dict[tuple[str, ...], tuple[_Stamps, Ranges]] = {}
"""The tables as they were last read: a reload reads again only what has changed since."""


def _kept(mark: tuple[str, ...], paths: tuple[str, ...], read: Callable[[], Ranges]) -> Ranges:
    stamps = tuple(map(_stamp, paths))
    kept = _TABLES.get(mark)
    if kept is None or kept[0] != stamps or None in stamps:
        kept = _TABLES[mark] = stamps, read()
    return kept[1]


def _stamp(path: str) -> tuple[int, ...] | None:
    """Return what changes with a file; None where that cannot be told."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_private(address: str) -> bool:
    """Say whether an address belongs to no public network: loopback, local, or none at all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_private or parsed.is_loopback or parsed.is_link_local or parsed in _SHARED
