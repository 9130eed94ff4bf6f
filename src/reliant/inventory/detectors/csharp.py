"""C#, F# and Visual Basic: SDK clients and raw HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._code import Language, code_signals
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView

_LANGUAGE = Language(
    id="csharp",
    strings=(r'"""(.*?)"""', r'@\$?"((?:[^"]|"")*)"', r'"((?:[^"\\\n]|\\.)*)"'),
    imports=(r"^\s*(?:global\s+)?using\s+(?:static\s+)?(?:\w+\s*=\s*)?([\w.]+)\s*;", r"^\s*open\s+([\w.]+)"),
)


class CSharp:
    """Reads imports, clients, addresses and the strings that are given as models."""

    id = "csharp"
    claim = Claim(
        reads="*.cs, *.fs, *.vb, *.razor",
        finds=("provider", "model", "sdk", "endpoint", "env", "region"),
        resolves=("arguments, fields and setters by name", "defaults of variables", "constants of an SDK"),
        limits="Constants are not followed to other files.",
    )
    wants = Wants(suffixes=(".cs", ".fs", ".vb", ".razor"), limit=1_500_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the source uses."""
        yield from code_signals(file, _LANGUAGE)


DETECTOR = CSharp()
