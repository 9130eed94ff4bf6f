"""MCP client configuration: which servers are started, and what they are given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.use import Role
from reliant.inventory.detectors._blocks import signals_of
from reliant.inventory.detectors._formats import Use, entries_of, use_of
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_PACKAGE = re.compile(r"(@?[a-z0-9][\w.-]*(?:/[\w.-]+)?)(?:@[\w.^~-]+|==[\w.]+)?\Z")


class Mcp:
    """Reads the servers that an assistant may call."""

    id = "mcp"
    claim = Claim(
        reads=".mcp.json, mcp*.json, any JSON with mcpServers",
        finds=("provider", "sdk", "model", "env"),
        resolves=("packages started by npx and uvx", "variables of a server"),
        limits="What a server does inside is not known.",
    )
    wants = Wants(suffixes=(".json",), always=True, limit=400_000)

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which servers are an AI vendor's."""
        if use_of(file) is not Use.MCP:
            return
        entries = list(entries_of(file))
        yield from signals_of(entries, file)
        for entry in entries:
            if "args" not in entry.keys or entry.value.startswith("-"):
                continue
            match = _PACKAGE.match(entry.value)
            for registry in ("npm", "pypi") if match else ():
                sdk = file.vendors.package(registry, match[1]) if match else None
                if sdk is not None and not sdk.general:
                    yield Signal(
                        what=What.SDK,
                        line=entry.line,
                        column=entry.column,
                        block=entry.keys[:2],
                        sdk=match[1] if match else None,
                        provider=None if sdk.replaceable else sdk.provider,
                        role=Role.OPTIONAL,
                    )


DETECTOR = Mcp()
