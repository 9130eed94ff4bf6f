"""Go: SDK clients, struct fields and raw HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._code import Language, code_signals
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView

_LANGUAGE = Language(
    id="go",
    strings=(r'"((?:[^"\\\n]|\\.)*)"', r"`([^`]*)`"),
    imports=(r'^\s*(?:import\s+)?(?:[\w.]+\s+)?"([\w./-]+\.[\w./-]+)"\s*$',),
    joint="/",
)


class Go:
    """Reads imports, clients, addresses and the strings that are given as models."""

    id = "go"
    claim = Claim(
        reads="*.go",
        finds=("provider", "model", "sdk", "endpoint", "env", "region"),
        resolves=("arguments, fields and setters by name", "defaults of variables", "constants of an SDK"),
        limits="Constants are not followed to other files.",
    )
    wants = Wants(suffixes=(".go",), limit=1_500_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the source uses."""
        yield from code_signals(file, _LANGUAGE)


DETECTOR = Go()
