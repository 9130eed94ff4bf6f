"""Tables of address ranges, small in memory and fast to ask."""

from __future__ import annotations

import bisect
import csv
import ipaddress
import itertools
from array import array
from pathlib import Path

from reliant.errors import ConfigError

_MAX_ROWS = 5_000_000
_V6_SHIFT = 64


class Ranges:
    """Ranges of addresses, each with a short label; of IPv6 the first 64 bits count."""

    def __init__(self) -> None:
        self._v4: tuple[array[int], array[int], list[str]] = (array("Q"), array("Q"), [])
        self._v6: tuple[array[int], array[int], list[str]] = (array("Q"), array("Q"), [])
        self._labels: dict[str, str] = {}

    def add(self, first: str, last: str, label: str) -> None:
        """Add a range; `finish` must follow the last.

        Raises:
            ValueError: The two are no addresses of one kind.
        """
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        if low.version != high.version or int(low) > int(high):
            raise ValueError(f"{first} to {last} is no range")
        table = self._v4 if low.version == 4 else self._v6
        shift = 0 if low.version == 4 else _V6_SHIFT
        table[0].append(int(low) >> shift)
        table[1].append(int(high) >> shift)
        table[2].append(self._labels.setdefault(label, label))

    def finish(self) -> Ranges:
        """Sort; return the table."""
        self._v4 = _sorted(self._v4)
        self._v6 = _sorted(self._v6)
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


def _sorted(
    table: tuple[array[int], array[int], list[str]],
) -> tuple[array[int], array[int], list[str]]:
    starts, ends, labels = table
    if all(one <= two for one, two in itertools.pairwise(starts)):
        return table
    order = sorted(range(len(starts)), key=starts.__getitem__)
    return (
        array("Q", (starts[at] for at in order)),
        array("Q", (ends[at] for at in order)),
        [labels[at] for at in order],
    )


def read_country_csv(paths: tuple[str, ...]) -> Ranges:
    """Return the ranges of files with rows `first,last,country`.

    Raises:
        ConfigError: A file cannot be read, or a row is wrong; the line is named.
    """
    ranges = Ranges()
    for path in paths:
        number = 0
        try:
            with Path(path).open(encoding="ascii", newline="") as file:
                for number, row in enumerate(itertools.islice(csv.reader(file), _MAX_ROWS), start=1):  # noqa: B007 - named in the error
                    ranges.add(row[0], row[1], row[2].strip().upper())
        except (OSError, ValueError, IndexError) as error:
            raise ConfigError(path, number, f"is no table of addresses and countries: {error}") from None
    return ranges.finish()


def read_cidr(paths: tuple[str, ...], label: str, ranges: Ranges) -> None:
    """Add the networks that the files list, one a line, under `label`.

    Raises:
        ConfigError: A file cannot be read, or a line is no network.
    """
    for path in paths:
        number = 0
        try:
            with Path(path).open(encoding="ascii") as file:
                for number, line in enumerate(itertools.islice(file, _MAX_ROWS), start=1):  # noqa: B007 - named in the error
                    text = line.partition("#")[0].strip()
                    if not text:
                        continue
                    network = ipaddress.ip_network(text, strict=False)
                    ranges.add(str(network[0]), str(network[-1]), label)
        except (OSError, ValueError) as error:
            raise ConfigError(path, number, f"is no list of networks: {error}") from None


def is_private(address: str) -> bool:
    """Say whether an address belongs to no public network: loopback, local, or none at all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    return parsed.is_private or parsed.is_loopback or parsed.is_link_local
