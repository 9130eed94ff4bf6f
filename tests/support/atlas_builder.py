"""Tiny atlases for tests: say only what matters, the rest of a record is filled in.

atlas = AtlasBuilder().provider("acme", hq_country="US").model("acme.one").build()
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from reliant.atlas import Atlas
from reliant.atlas.compile import compile_records
from reliant.atlas.records import kinds
from reliant.atlas.records.common import Record


class AtlasBuilder:
    """Collects records; `build` compiles them as the real ones are, `write` makes files of them."""

    def __init__(self) -> None:
        self._data: dict[str, dict[str, dict[str, Any]]] = {}
        self._documents: dict[str, Any] = {}

    def record(self, folder: str, key: str, **fields: Any) -> AtlasBuilder:
        """Add a record of any kind; `assert_` stands for the field `assert`."""
        if "assert_" in fields:
            fields["assert"] = fields.pop("assert_")
        filled = {
            "id": key,
            "sources": {"page": {"title": "The page", "kind": "primary", "published": "2024-01-01"}},
            "confidence": "confirmed",
            "reviewed": {"on": "2026-11-20", "by": "tests"},
            **fields,
        }
        self._data.setdefault(folder, {})[key] = filled
        return self

    def provider(self, key: str, **fields: Any) -> AtlasBuilder:
        """Add a provider: a lab with an API in the US unless told otherwise."""
        return self.record(
            "providers", key, **{"name": key.title(), "roles": ["lab", "api"], "hq_country": "US", **fields}
        )

    def model(self, key: str, **fields: Any) -> AtlasBuilder:
        """Add a model; its developer is the part of the id before the dot."""
        developer, _, name = key.partition(".")
        return self.record("models", key, **{"name": name or key, "developer": developer, **fields})

    def document(self, name: str, data: Any) -> AtlasBuilder:
        """Add a file that is no record, such as `vocabulary`."""
        self._documents[name] = data
        return self

    def records(self) -> dict[str, list[Record]]:
        """Return the typed records by folder."""
        return {
            folder: [msgspec.convert(data, kinds()[folder].record) for data in held.values()]
            for folder, held in self._data.items()
        }

    def build(self) -> Atlas:
        """Compile and open it."""
        return Atlas.from_bytes(compile_records(self.records(), self._documents))

    def write(self, root: Path) -> Path:
        """Write it as a folder of YAML files; JSON is YAML, so the form is plain."""
        for folder, held in self._data.items():
            for key, data in held.items():
                path = root / folder / (key.replace(".", "/", 1 if folder == "models" else 0) + ".yaml")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
        for name, data in self._documents.items():
            (root / f"{name}.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
        return root
