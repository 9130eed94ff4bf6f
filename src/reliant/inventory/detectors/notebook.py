"""Jupyter notebooks: their code cells, read as one program."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from reliant.inventory.declared import declared
from reliant.inventory.detectors.python import DETECTOR as PYTHON
from reliant.inventory.prefilter import again
from reliant.inventory.signals import Claim, Signal, Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_INSTALL = re.compile(r"^\s*[!%]\s*(?:uv\s+)?pip3?\s+install\s+(.*)")
_PACKAGE = re.compile(r"(?<![\w=/.-])([A-Za-z][A-Za-z0-9._-]+)")


class Notebook:
    """Reads the cells of a notebook with the Python detector; places are lines of the notebook file."""

    id = "notebook"
    claim = Claim(
        reads="Jupyter notebooks (.ipynb): Python cells, `%pip` and `!pip` lines",
        finds=("provider", "model", "sdk", "endpoint", "env", "role"),
        resolves=("everything that the Python detector resolves, across the cells",),
        limits="Outputs are not read; cells of other languages are not read.",
    )
    wants = Wants(suffixes=(".ipynb",), always=True, limit=20_000_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Yield what the cells show."""
        try:
            notebook = json.loads(file.text)
            cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            file.fail("is no notebook: the JSON does not hold cells")
            return
        lines: list[str] = []
        places: list[int] = []
        at = 0
        for cell in cells if isinstance(cells, list) else []:
            if not isinstance(cell, dict) or cell.get("cell_type") != "code":
                continue
            source = cell.get("source", cell.get("input", ""))
            parts = source if isinstance(source, list) else str(source).splitlines(keepends=True)
            for part in parts:
                text = str(part)
                found = file.text.find(json.dumps(text, ensure_ascii=False)[1:-1] or "\0", at)
                if found < 0:
                    found = file.text.find(json.dumps(text)[1:-1] or "\0", at)
                if found >= 0:
                    at = found
                number = file.line_of(at)
                install = _INSTALL.match(text)
                if install:
                    for match in _PACKAGE.finditer(install[1]):
                        signal = declared(file, "pypi", match[1], number)
                        if signal is not None:
                            yield signal
                for line in text.splitlines() or [""]:
                    magic = line.lstrip().startswith(("%", "!", "?"))
                    indent = line[: len(line) - len(line.lstrip())]
                    lines.append(f"{indent}pass" if magic else line)
                    places.append(number)
        program = again(file, "\n".join(lines))
        for signal in PYTHON.detect(program):
            place = places[signal.line - 1] if 0 < signal.line <= len(places) else 0
            yield msgspec.structs.replace(signal, line=place)
        for reason in program.skipped:
            file.fail(reason)


DETECTOR = Notebook()
