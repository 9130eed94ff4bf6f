"""Software and AI bills of materials: CycloneDX and SPDX, as JSON, XML and tag-value."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import unquote

from reliant.core.use import Kind, Scope
from reliant.inventory.detectors._flow import flow_entries
from reliant.inventory.detectors._formats import Use, use_of
from reliant.inventory.detectors._urls import urls_in
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.detectors._entries import Entry
    from reliant.inventory.view import FileView

_PURL = re.compile(r"pkg:([a-z.+-]+)/([^\s\"'<>?#,]+)", re.IGNORECASE)
_REGISTRY = {"golang": "go", "gem": "rubygems", "composer": "packagist"}
_MODEL_TYPES = frozenset({"machine-learning-model", "ai_AIPackage", "AIPackage", "ai:AIPackage"})
_TYPE_KEYS = frozenset({"type", "@type"})
_PLACE = re.compile(r"(^|[/.])endpoint|^\[\d+\]$")


class Sbom:
    """Reads components, models and services; their versions are for others to judge."""

    id = "sbom"
    claim = Claim(
        reads="CycloneDX 1.4 to 1.7 and SPDX 2 and 3, *.json, *.xml, *.spdx, *.cdx",
        finds=("provider", "model", "sdk", "endpoint"),
        resolves=("package URLs of every ecosystem", "model components and AI packages", "service endpoints"),
        limits="What the document leaves out is not known.",
    )
    wants = Wants(
        suffixes=(".json", ".xml", ".spdx", ".cdx", ".jsonld"),
        always=True,
        limit=16_000_000,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which SDKs, models and services the document lists."""
        if use_of(file) is not Use.SBOM and not file.name.lower().endswith((".spdx", ".cdx")):
            return
        yield from _packages(file)
        if file.text.lstrip()[:1] == "{":
            yield from _components(list(flow_entries(file.text)), file)


def _packages(file: FileView) -> Iterator[Signal]:
    seen: set[tuple[str, str]] = set()
    for match in _PURL.finditer(file.text):
        kind = match[1].lower()
        name = unquote(match[2]).rpartition("@")[0] or unquote(match[2])
        if (kind, name) in seen:
            continue
        seen.add((kind, name))
        line, column = file.place_of(match.start())
        if kind in {"huggingface", "mlflow", "ollama"}:
            provider = file.vendors.prefix(kind) or file.vendors.slugs.get(kind)
            yield Signal(
                what=What.MODEL,
                line=line,
                column=column,
                model=name,
                provider=provider,
                kind=Kind.OPEN_WEIGHTS,
                scope=Scope.MANIFEST,
            )
            continue
        written = name.replace("/", ":", 1) if kind == "maven" else name
        sdk = file.vendors.package(_REGISTRY.get(kind, kind), written)
        if sdk is not None and not sdk.general:
            yield Signal(
                what=What.SDK,
                line=line,
                column=column,
                sdk=written,
                provider=None if sdk.replaceable else sdk.provider,
                fixed=not sdk.replaceable,
                scope=Scope.MANIFEST,
            )


def _components(entries: list[Entry], file: FileView) -> Iterator[Signal]:
    """Yield models by component type, and the addresses of services."""
    parts: dict[tuple[str, ...], dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        if entry.keys:
            parts[entry.keys[:-1]].setdefault(entry.keys[-1], entry)
        if any(key in {"services", "endpoints"} for key in entry.keys) and "://" in entry.value:
            for url, host in urls_in(entry.value, file.vendors):
                if not host.weak:
                    yield Signal(
                        what=What.ENDPOINT,
                        line=entry.line,
                        column=entry.column,
                        block=entry.keys[:2],
                        provider=host.provider,
                        endpoint=url.split("//", 1)[-1][:120],
                        scope=Scope.MANIFEST,
                    )
    for part in parts.values():
        kinds = {part[key].value for key in _TYPE_KEYS if key in part}
        name = part.get("name")
        if not kinds & _MODEL_TYPES or name is None:
            continue
        if "purl" in part and _PURL.match(part["purl"].value):
            continue
        group = part.get("group")
        model = f"{group.value}/{name.value}" if group is not None and "/" not in name.value else name.value
        yield Signal(
            what=What.MODEL,
            line=name.line,
            column=name.column,
            model=model,
            scope=Scope.MANIFEST,
            confidence=0.9,
        )


DETECTOR = Sbom()
