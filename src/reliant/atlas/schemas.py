"""JSON Schemas of the records, for editors that check YAML while it is written.

python -m reliant.atlas.schemas [FOLDER]
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.atlas.compile import find_atlas
from reliant.atlas.records import kinds

if TYPE_CHECKING:
    from reliant.atlas.records.common import RecordKind


def schema(kind: RecordKind) -> dict[str, Any]:
    """Return the JSON Schema of a kind of record, as it is written in YAML.

    Examples:
        >>> from reliant.atlas.records import kinds
        >>> schema(kinds()["registers"])["title"]
        'register'
    """
    data: dict[str, Any] = _clean(msgspec.json.schema(kind.record))
    definition = data["$defs"][kind.record.__name__]
    # In YAML a source may be the id of a shared one, which reading puts in its place.
    written = definition["properties"]["sources"]
    written["additionalProperties"] = {"anyOf": [written["additionalProperties"], {"type": "string"}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.name,
        "description": (kind.record.__doc__ or "").partition("\n")[0],
        **data,
    }


def _clean(data: Any) -> Any:
    """Return the schema with its descriptions unindented, as Python 3.13 does to docstrings and 3.12 not."""
    if isinstance(data, dict):
        cleaned = {key: _clean(value) for key, value in data.items()}
        if isinstance(data.get("description"), str):
            cleaned["description"] = inspect.cleandoc(data["description"])
        return cleaned
    return [_clean(item) for item in data] if isinstance(data, list) else data


def written(kind: RecordKind) -> str:
    """Return the text of the schema file of a kind."""
    return msgspec.json.format(msgspec.json.encode(schema(kind)), indent=1).decode() + "\n"


def main(arguments: list[str]) -> int:
    """Write every schema to the folder named, by default atlas/schema of the checkout."""
    root = find_atlas()
    folder = Path(arguments[0]) if arguments else root and root / "schema"
    if not folder:
        sys.stderr.write("error: there is no folder of records beside this code; name one\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds().values():
        (folder / f"{kind.name}.json").write_text(written(kind), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
