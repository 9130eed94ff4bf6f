"""Raw HTTP and model ids in languages that have no reader of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.inventory.detectors._code import Language, code_signals
from reliant.inventory.signals import Claim, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.signals import Signal
    from reliant.inventory.view import FileView

_LANGUAGE = Language(
    id="other",
    comments=(r"(?<![:\w])//[^\n]*", r"/\*.*?\*/", r"^\s*(?:#|--|;|%|\")[^\n]*"),
    strings=(r'"((?:[^"\\\n]|\\.)*)"', r"(?<!\w)'((?:[^'\\\n]|\\.)*)'"),
    braces=True,
)


class RawHttp:
    """Reads imports, clients, addresses and the strings that are given as models."""

    id = "raw-http"
    claim = Claim(
        reads="*.swift, *.dart, *.lua, *.ex, *.erl, *.clj, *.pl, *.r, *.c, *.cpp, *.m, *.el, *.hs and others",
        finds=("provider", "model", "sdk", "endpoint", "env", "region"),
        resolves=("arguments, fields and setters by name", "defaults of variables", "constants of an SDK"),
        limits="Constants are not followed to other files.",
    )
    wants = Wants(
        suffixes=(
            ".swift",
            ".dart",
            ".lua",
            ".ex",
            ".exs",
            ".erl",
            ".clj",
            ".cljs",
            ".pl",
            ".pm",
            ".r",
            ".jl",
            ".c",
            ".cc",
            ".cpp",
            ".cxx",
            ".h",
            ".hpp",
            ".m",
            ".mm",
            ".el",
            ".vim",
            ".nim",
            ".zig",
            ".hs",
            ".ml",
            ".cr",
            ".gd",
            ".sol",
            ".gs",
            ".ahk",
            ".d",
            ".pas",
            ".applescript",
            ".http",
            ".rest",
        ),
        limit=1_500_000,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say what the source uses."""
        yield from code_signals(file, _LANGUAGE)


DETECTOR = RawHttp()
