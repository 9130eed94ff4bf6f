"""Java, Kotlin, Scala and Groovy: SDK clients, builders and raw HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._code import Language, code_signals
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView

_LANGUAGE = Language(
    id="java",
    strings=(r'"""(.*?)"""', r'"((?:[^"\\\n]|\\.)*)"'),
    imports=(r"^\s*import\s+(?:static\s+)?([\w.]+)",),
)


class Java:
    """Reads imports, clients, addresses and the strings that are given as models."""

    id = "java"
    claim = Claim(
        reads="*.java, *.kt, *.kts, *.scala, *.groovy",
        finds=("provider", "model", "sdk", "endpoint", "env", "region"),
        resolves=("arguments, fields and setters by name", "defaults of variables", "constants of an SDK"),
        limits="Constants are not followed to other files.",
    )
    wants = Wants(suffixes=(".java", ".kt", ".kts", ".scala", ".groovy"), limit=1_500_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the source uses."""
        yield from code_signals(file, _LANGUAGE)


DETECTOR = Java()
