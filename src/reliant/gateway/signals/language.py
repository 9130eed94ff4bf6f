"""The language a client asks for, as one weak hint beside the others.

It is written into the evidence where its region differs from the declared place,
and no row of the decision table acts on it alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.gateway.signals import Evidence, Seen

if TYPE_CHECKING:
    from reliant.gateway.config import Config

_REGION = re.compile(rb"^\s*[A-Za-z]{2,3}-([A-Z]{2})\b")


class Language:
    """Reads `accept-language`."""

    id = "language"
    order = 50

    @classmethod
    def from_config(cls, config: Config) -> Language | None:
        """Return the signal where addresses are placed at all."""
        return cls() if config.signals.country_csv or config.signals.country_mmdb else None

    def look(self, seen: Seen) -> list[Evidence]:
        """Return the region of the first language if it is not the declared one."""
        match = _REGION.match(seen.headers.get(b"accept-language", b""))
        if match is None or seen.declared is None or match[1].decode() == seen.declared:
            return []
        return [Evidence("language.region", match[1].decode(), "accept-language, a weak hint")]


SIGNAL = Language
