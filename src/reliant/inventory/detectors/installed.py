"""Metadata of a built or installed Python package: its name, and what it requires."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.use import Role, Scope
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_FIELD = re.compile(r"(Name|Requires-Dist): *([A-Za-z0-9][A-Za-z0-9._-]*)(.*)")
_INSTALLED = re.compile(r"(^|/)(site|dist)-packages/[^/]+\.(dist|egg)-info/")


class Installed:
    """Reads the head of METADATA and PKG-INFO; the description below it is a document."""

    id = "installed-package"
    claim = Claim(
        reads="METADATA of wheels and of installed packages",
        finds=("sdk", "provider"),
        limits="A package that is installed may be unused: it is optional until code shows it.",
    )
    wants = Wants(globs=("*.dist-info/metadata", "*/*.dist-info/metadata"), always=True, limit=200_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which SDKs are there or are required."""
        installed = _INSTALLED.search(file.path) is not None
        for number, line in enumerate(file.lines, 1):
            if not line.strip():
                return
            match = _FIELD.match(line)
            if match is None or (match[1] == "Name") is not installed:
                continue
            sdk = file.vendors.package("pypi", match[2])
            if sdk is None or sdk.general:
                continue
            yield Signal(
                what=What.SDK,
                line=number,
                column=match.start(2) + 1,
                sdk=match[2],
                provider=None if sdk.replaceable else sdk.provider,
                fixed=not sdk.replaceable,
                role=Role.OPTIONAL if installed or "extra ==" in match[3] else None,
                scope=Scope.MANIFEST,
            )


DETECTOR = Installed()
