"""Python requirement files: the SDKs that a project asks pip for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.use import Role
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_LINE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@,\s].*)?$")
_ASIDE = re.compile(r"(?i)(^|[/_.-])(dev|test|tests|docs?|lint|ci|build|optional|extras?)([/_.-]|$)")


class Requirements:
    """Reads `requirements*.txt` and the like, line by line."""

    id = "requirements"
    claim = Claim(
        reads="requirements*.txt, requirements/*.txt, constraints, requires.txt of an egg",
        finds=("sdk", "provider"),
        limits="Files that are included by -r are read as files of their own.",
    )
    wants = Wants(globs=("*requirements*.txt", "*requirements*.in", "*/requires.txt"), always=True)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which SDKs the lines name."""
        aside = bool(_ASIDE.search(file.path))
        for number, line in enumerate(file.lines, 1):
            if line.startswith("["):
                aside = True
            match = _LINE.match(line.partition(" #")[0])
            sdk = file.vendors.package("pypi", match[1]) if match else None
            if match is None or sdk is None or sdk.general:
                continue
            yield Signal(
                what=What.SDK,
                line=number,
                column=match.start(1) + 1,
                sdk=match[1],
                provider=None if sdk.replaceable else sdk.provider,
                fixed=not sdk.replaceable,
                role=Role.OPTIONAL if aside else None,
            )


DETECTOR = Requirements()
