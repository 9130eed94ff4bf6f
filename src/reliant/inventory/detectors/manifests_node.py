"""JavaScript manifests and lock files: the SDKs that a project asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reliant.core.use import Role, Scope
from reliant.inventory.declared import declared
from reliant.inventory.detectors._flow import flow_entries
from reliant.inventory.idforms import holds_model, looks_like_id
from reliant.inventory.loose import known_form
from reliant.inventory.signals import Claim, Signal, Wants, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.inventory.view import FileView

_SECTION = re.compile(r'^\s*"(\w*[dD]ependencies)"\s*:\s*\{')
_ENTRY = re.compile(r'"(@?[\w.-]+(?:/[\w.-]+)?)"\s*:\s*"[^"]*"')
_NPM_LOCK = re.compile(r'^\s*"node_modules/((?:@[\w.-]+/)?[\w.-]+)"\s*:\s*\{')
_YARN_LOCK = re.compile(r'^"?((?:@[\w.-]+/)?[\w.-]+)@')
_PNPM_LOCK = re.compile(r"^\s{2}'?/?((?:@[\w.-]+/)?[\w.-]+)[@/]\d")
_DENO = re.compile(r"npm:((?:@[\w.-]+/)?[\w.-]+)")


class NodeManifests:
    """Reads package.json and deno.json by section, lock files by line."""

    id = "manifests-node"
    claim = Claim(
        reads="package.json, deno.json; npm, yarn and pnpm lock files",
        finds=("sdk", "provider", "model", "role"),
        resolves=("defaults of an editor extension's settings",),
        limits="bun's binary lock file is not read.",
    )
    wants = Wants(
        names=(
            "package.json",
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "deno.json",
            "deno.jsonc",
            "import_map.json",
        ),
        always=True,
    )

    def detect(self, file: FileView) -> Iterator[Signal]:
        """Say which SDKs the manifest names."""
        name = file.name.lower()
        if name == "package.json":
            yield from _package(file)
            return
        pattern = {
            "yarn.lock": _YARN_LOCK,
            "pnpm-lock.yaml": _PNPM_LOCK,
            "package-lock.json": _NPM_LOCK,
            "npm-shrinkwrap.json": _NPM_LOCK,
        }.get(name, _DENO)
        for number, line in enumerate(file.lines, 1):
            match = pattern.search(line) if pattern is _DENO else pattern.match(line)
            if match:
                signal = declared(
                    file, "npm", match[1], number, column=match.start(1) + 1, locked=pattern is not _DENO
                )
                if signal is not None:
                    yield signal


def _settings(file: FileView) -> Iterator[Signal]:
    """Yield the models that the settings of an editor's extension have by default, or offer."""
    for entry in flow_entries(file.text):
        keys = tuple(key for key in entry.keys if not key.startswith("["))
        if len(keys) < 4 or keys[0] != "contributes" or "properties" not in keys[-3:]:
            continue
        if keys[-1] not in {"default", "enum"} or not holds_model(keys[-2].rpartition(".")[2]):
            continue
        if looks_like_id(entry.value) and known_form(file, entry.value):
            yield Signal(
                what=What.MODEL,
                line=entry.line,
                column=entry.column,
                block=keys[:-1],
                model=entry.value,
                scope=Scope.CONFIG if file.scope is Scope.MANIFEST else None,
                role=Role.OPTIONAL if keys[-1] == "enum" else None,
                confidence=0.8,
            )


def _package(file: FileView) -> Iterator[Signal]:
    if b'"contributes"' in file.data:
        yield from _settings(file)
    section = ""
    for number, line in enumerate(file.lines, 1):
        if len(line) > 20_000:
            file.skip("a line of more than 20,000 characters was not read")
            continue
        head = _SECTION.match(line)
        rest = line
        if head:
            section = head[1]
            rest = line[head.end() :]
        if section:
            for match in _ENTRY.finditer(rest):
                signal = declared(
                    file,
                    "npm",
                    match[1],
                    number,
                    column=line.find(match[1]) + 1,
                    aside=section != "dependencies",
                )
                if signal is not None:
                    yield signal
            if "}" in rest:
                section = ""


DETECTOR = NodeManifests()
