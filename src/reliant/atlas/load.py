"""Opens the atlas: the compiled snapshot for a run, or one YAML file for a person's own records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from reliant.atlas._snapshot import SNAPSHOT
from reliant.atlas.query import Atlas
from reliant.errors import AtlasError

if TYPE_CHECKING:
    from pathlib import Path

_T = TypeVar("_T")


def load(path: Path | None = None) -> Atlas:
    """Return the atlas of the snapshot at `path`, or of the one that came with reliant.

    Raises:
        AtlasError: There is no snapshot, or it is of another version.
    """
    source = path or SNAPSHOT
    try:
        data = source.read_bytes()
    except OSError as error:
        raise AtlasError(
            f"there is no snapshot of the atlas at {source}",
            hint="In a checkout, make it: python -m reliant.atlas.compile",
        ) from error
    return Atlas.from_bytes(data, name=str(source))


def read_yaml(path: Path) -> Any:
    """Return the data of a YAML 1.2 file.

    Raises:
        RecordError: It cannot be read, has a key twice, an anchor or a tag, or is too large or too deep.
    """
    from reliant.documents.yaml import read_document  # noqa: PLC0415 - a run that reads no YAML loads none

    return read_document(path).data


def read_record(path: Path, wanted: type[_T]) -> _T:
    """Return the file as a `wanted`, which is a msgspec type.

    Raises:
        RecordError: It is none; the message names the file, the line and the field.
    """
    from reliant.atlas._typed import typed  # noqa: PLC0415 - as above
    from reliant.documents.yaml import read_document  # noqa: PLC0415 - as above

    return typed(read_document(path), wanted)
