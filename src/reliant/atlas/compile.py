"""Compiles the records into the snapshot that reliant ships and loads.

Reading hundreds of YAML files takes seconds; the snapshot takes milliseconds. It is
one file: the records of each kind as they are, to be decoded when asked for, and
the look-ups that every run needs (hosts, aliases, model ids), made ready here.

    python -m reliant.atlas.compile [--if-changed] [ATLAS] [SNAPSHOT]
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.atlas._index import build_index
from reliant.atlas._read import read_folder
from reliant.atlas._snapshot import FORMAT, SNAPSHOT, KindPart, Snapshot
from reliant.atlas.records import kinds
from reliant.core.dates import PartialDate
from reliant.errors import AtlasError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reliant.atlas._read import Folder
    from reliant.atlas.records.common import Record

LANGUAGES = ("en", "zh", "ja")
"""The languages that reports are written in."""


def find_atlas(start: Path = SNAPSHOT) -> Path | None:
    """Return the folder of records of the checkout that this code lies in, or None."""
    for parent in start.resolve().parents:
        if (parent / "atlas" / "providers").is_dir() and (parent / "pyproject.toml").is_file():
            return parent / "atlas"
    return None


def compile_folder(folder: Folder) -> bytes:
    """Return the snapshot of what was read.

    Raises:
        AtlasError: Something in it is wrong; the first mistake is named.
    """
    if folder.errors:
        first, more = folder.errors[0], len(folder.errors) - 1
        hint = "See all of them: reliant atlas lint"
        raise AtlasError(f"{first}" + (f" (and {more} more mistakes)" if more else ""), hint=hint)
    records = {name: [found.record for found in held.values()] for name, held in folder.records.items()}
    documents = {name: document.data for name, document in folder.documents.items()}
    return compile_records(records, documents)


def compile_records(records: Mapping[str, Iterable[Record]], documents: Mapping[str, Any]) -> bytes:
    """Return the snapshot of these records, by folder, and documents, by name."""
    encode = msgspec.msgpack.Encoder().encode
    registry = kinds()
    parts: dict[str, KindPart] = {}
    newest = ""
    typed: dict[str, dict[str, Record]] = {}
    for name in sorted(registry):
        held = {record.id: record for record in sorted(records.get(name, ()), key=lambda record: record.id)}
        typed[name] = held
        module = registry[name].record.__module__
        parts[name] = KindPart(
            kind=registry[name].name,
            module=module,
            records={key: msgspec.Raw(encode(record)) for key, record in held.items()},
        )
        newest = max([newest, *_dates(held.values())], key=_latest_last)
    body = Snapshot(
        format=FORMAT,
        version="",
        newest_source=newest,
        kinds=parts,
        documents={name: msgspec.Raw(encode(data)) for name, data in sorted(documents.items())},
        countries=msgspec.Raw(
            encode(country_names((documents.get("countries") or {}).get("not_countries", ())))
        ),
        index=msgspec.Raw(encode(build_index(typed))),
    )
    digest = hashlib.sha256(encode(body)).hexdigest()
    return encode(msgspec.structs.replace(body, version=digest[:16]))


def _dates(records: Iterable[Record]) -> Iterable[str]:
    for record in records:
        for source in record.sources.values():
            if source.published:
                yield source.published


def _latest_last(text: str) -> tuple[int, ...]:
    """Order dates by the first day they may mean: "2026" is not yet December. No date comes first."""
    return PartialDate.parse(text).earliest.timetuple()[:3] if text else (0,)


def country_names(left_out: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the names of the countries by code and language, from CLDR.

    Which CLDR territories are no countries (`left_out`) is a fact, and stands in
    atlas/countries.yaml. Without Babel the names are those that were shipped.

    Raises:
        MissingExtra: Babel is not installed, and nothing was shipped.
    """
    refused = set(left_out)
    try:
        from babel import Locale  # noqa: PLC0415 - at build time only; nothing needs Babel to run
    except ImportError:
        return {code: names for code, names in _shipped_countries().items() if code not in refused}
    names: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in refused:
                names.setdefault(code, {})[language] = name
    return names


def _shipped_countries() -> dict[str, dict[str, str]]:
    try:
        snapshot = msgspec.msgpack.decode(SNAPSHOT.read_bytes(), type=Snapshot)
    except (OSError, msgspec.DecodeError) as error:
        raise MissingExtra("the names of countries", "test") from error
    return msgspec.msgpack.decode(snapshot.countries, type=dict[str, dict[str, str]])


_SAME_MOMENT_NS = 2_000_000_000
"""File systems date by ticks of up to two seconds: what is as old as the snapshot may be newer."""


def compile_if_changed(root: Path, target: Path = SNAPSHOT) -> bool:
    """Compile `root` to `target` unless nothing is newer; return True if `target` is another now.

    Raises:
        AtlasError: A record is wrong.
    """
    if not target.exists():
        write_snapshot(compile_folder(read_folder(root)), target)
        return True
    made = target.stat().st_mtime_ns
    read = [*root.rglob("*.yaml"), *root.glob("**/"), *Path(__file__).parent.rglob("*.py")]
    if all(path.stat().st_mtime_ns < made - _SAME_MOMENT_NS for path in read):
        return False
    data = compile_folder(read_folder(root))
    if data == target.read_bytes():
        target.touch()
        return False
    write_snapshot(data, target)
    return True


def write_snapshot(data: bytes, target: Path) -> None:
    """Write the snapshot in one step, so that nobody ever loads half of one."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f"{target.name}.", delete=False) as file:
        file.write(data)
    partial = Path(file.name)
    try:
        partial.chmod(0o644)
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def main(arguments: list[str]) -> int:
    """Compile, as told on the command line of this module."""
    plain = [argument for argument in arguments if not argument.startswith("-")]
    root = Path(plain[0]) if plain else find_atlas()
    target = Path(plain[1]) if len(plain) > 1 else SNAPSHOT
    if root is None:
        sys.stderr.write("error: there is no folder of records beside this code; name one\n")
        return 2
    try:
        if "--if-changed" in arguments:
            done = compile_if_changed(root, target)
        else:
            write_snapshot(compile_folder(read_folder(root)), target)
            done = True
    except AtlasError as error:
        sys.stderr.write(f"error: {error}\n  {error.hint}\n")
        return 2
    if done:
        sys.stderr.write(f"compiled {root} to {target} ({target.stat().st_size:,} bytes)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
