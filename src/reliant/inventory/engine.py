"""Walk once, read once, look once, parse only what was hit; on all cores, in bounded memory.

The parent walks and deals files to workers in chunks; a worker reads, filters and detects, and
sends back signals only. Nothing of a file's content stays in memory once its signals are out.
What goes wrong with one file is noted under "not looked at" and stops nothing.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from reliant.core.need import Function
from reliant.core.use import NotLookedAt, Scope, Use
from reliant.inventory.across import FileFacts
from reliant.inventory.prefilter import Prefilter
from reliant.inventory.registry import Router, all_detectors
from reliant.inventory.scopes import scope_of
from reliant.inventory.signals import Signal
from reliant.inventory.view import FileView

if TYPE_CHECKING:
    from reliant.inventory.cache import Cache, Found
    from reliant.inventory.signals import Detector
    from reliant.inventory.vendors import Vendors
    from reliant.targets.file import File
    from reliant.targets.target import Target

_POOL_FROM_BYTES = 6_000_000
"""Starting a pool costs about as much as reading this much in one process."""

_MOST_TEXT = 1_000_000
"""Larger files are weights or data: most of them is never read."""

_COLLECT_AFTER = 100
_SNIFF = 8_192


class Inventory(msgspec.Struct, frozen=True):
    """What was found in a target."""

    uses: tuple[Use, ...]
    functions: tuple[Function, ...]
    not_looked_at: tuple[NotLookedAt, ...]
    files: int = 0
    bytes: int = 0


class Seen(msgspec.Struct, frozen=True):
    """What one file gave: signals with the detector that made them, and facts for other files."""

    path: str
    scope: Scope
    signals: tuple[tuple[str, Signal, str], ...]
    facts: tuple[FileFacts, ...] = ()
    skipped: tuple[str, ...] = ()
    bytes: int = 0
    failed: tuple[str, ...] = ()


class Scanner:
    """Reads single files; one per process."""

    def __init__(self, vendors: Vendors, detectors: tuple[Detector, ...] | None = None) -> None:
        self.vendors = vendors
        self.detectors = detectors if detectors is not None else all_detectors()
        self.router = Router(self.detectors)
        self.own: frozenset[str] = frozenset()
        self.to_read = 0
        self._prefilter: Prefilter | None = None

    @property
    def prefilter(self) -> Prefilter:
        """The automaton, built when the first file needs it."""
        if self._prefilter is None:
            self._prefilter = Prefilter(self.vendors, self.detectors, to_read=self.to_read)
        return self._prefilter

    def look_at(self, files: Iterable[File]) -> Iterator[Seen]:
        """Look at one file after the other, the collector held back.

        Trees of syntax are many objects and few cycles.
        """
        was = gc.isenabled()
        gc.disable()
        try:
            for number, file in enumerate(files, 1):
                found = self.look(file)
                if number % _COLLECT_AFTER == 0:
                    gc.collect(0)  # what was made since the last time; the atlas is not walked again
                if found is not None:
                    yield found
        finally:
            if was:
                gc.enable()

    def look(self, file: File) -> Seen | None:
        """Return what `file` gives, or None if it has nothing to say."""
        candidates = self.router.wanted_by(file.path)
        if not candidates:
            return None
        limit = max(detector.wants.limit for detector in candidates)
        scope = self.scope(file.path)
        try:
            data = file.read(limit)
        except OSError as error:
            return Seen(file.path, scope, (), failed=(f"could not be read: {error.strerror or error}",))
        skipped: list[str] = []
        if file.size > limit:
            skipped.append(f"read to byte {limit:,} of {file.size:,} only")
        if b"\0" in data[:_SNIFF] and data[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
            candidates = tuple(detector for detector in candidates if detector.wants.binary)
            if not candidates:
                return Seen(file.path, scope, (), skipped=("is binary although its name says text",))
        return self.read(file.path, data, scope, candidates, skipped)

    def scope(self, path: str) -> Scope:
        """Return the scope of a path; a folder `tools` that is imported as a package is code."""
        scope = scope_of(path)
        if scope is Scope.TOOLING and path.startswith(("tools/", "tool/")):
            head, _, rest = path.partition("/")
            return scope_of(rest) if head in self.own else scope
        return scope

    def read(
        self,
        path: str,
        data: bytes,
        scope: Scope,
        candidates: tuple[Detector, ...] | None = None,
        skipped: list[str] | None = None,
    ) -> Seen | None:
        """Return what content gives under a path."""
        if candidates is None:
            candidates = self.router.wanted_by(path)
        notes = skipped or []
        textual = any(not detector.wants.binary for detector in candidates)
        hits = self.prefilter.hits(data) if textual else []
        view = FileView(path, data, scope, vendors=self.vendors, hits=hits, own=self.own)
        signals: list[tuple[str, Signal, str]] = []
        failed: list[str] = []
        for detector in candidates:
            if not (detector.wants.always or hits):
                continue
            try:
                signals += [(detector.id, signal, view.line(signal.line)) for signal in detector.detect(view)]
            except RecursionError:
                failed.append(f"nested too deeply for {detector.id}")
            except MemoryError:
                failed.append(f"too large or too deeply nested for {detector.id}")
            except Exception as error:
                failed.append(f"{detector.id} could not read it: {type(error).__name__}: {error}"[:200])
        notes += view.skipped
        failed += view.failed
        if not signals and not notes and not failed and not view.facts:
            return Seen(path, scope, (), bytes=len(data)) if data else None
        return Seen(
            path,
            scope,
            tuple(signals),
            tuple(view.facts),
            skipped=tuple(dict.fromkeys(notes)),
            bytes=len(data),
            failed=tuple(dict.fromkeys(failed)),
        )


def scan(
    target: Target,
    vendors: Vendors,
    *,
    workers: int | None = None,
    cache: Cache | None = None,
    only: frozenset[str] | None = None,
) -> Inventory:
    """Return what AI `target` uses.

    Args:
        workers: Processes; None for one per core. Small targets are read in this process.
        cache: Remembers what files of the same content gave.
        only: Paths to look at, for example those changed since a revision; None for all.
    """
    listed = [file for file in target.files() if only is None or file.path in only]
    found = cache.whole(listed, vendors.version) if cache is not None and only is None else None
    if found is None:
        found = _found(listed, Scanner(vendors), workers, cache, whole=only is None)
    return Inventory(
        uses=found.uses,
        functions=found.functions,
        not_looked_at=(*target.not_looked_at, *found.notes),
        files=len(listed),
        bytes=sum(file.size for file in listed),
    )


def _found(
    listed: list[File], scanner: Scanner, workers: int | None, cache: Cache | None, *, whole: bool
) -> Found:
    """Return what the files use; those that have not changed are not read again."""
    from reliant.inventory.cache import Found  # noqa: PLC0415 - the cache knows `Seen`
    from reliant.inventory.merge import merged  # noqa: PLC0415 - a warm run merges nothing

    version = scanner.vendors.version
    wanted = [file for file in listed if scanner.router.wanted_by(file.path)]
    scanner.own = own_packages(wanted)
    known = [file for file in wanted if cache is not None and cache.has(file, version)]
    same = {file.path for file in known}
    todo = [file for file in wanted if file.path not in same]
    scanner.to_read = sum(min(file.size, _MOST_TEXT) for file in todo)
    fresh = list(_look_at(todo, scanner, workers))
    seen = [*(cache.get(file) for file in known), *fresh] if cache is not None else fresh
    uses, functions, tables = merged(seen, scanner.vendors)
    notes = {NotLookedAt(entry.path, reason) for entry in seen for reason in entry.skipped}
    notes |= {NotLookedAt(entry.path, reason, incomplete=True) for entry in seen for reason in entry.failed}
    found = Found(uses, functions, (*sorted(notes), *tables))
    if cache is not None:
        cache.put(todo, fresh, version)
        cache.keep(listed if whole else None, found)
    return found


_OWN = re.compile(r"^(?:(?:src|python|lib)/)?([A-Za-z_]\w*)/__init__\.py$")


def own_packages(files: Iterable[File]) -> frozenset[str]:
    """Return the names under which the target's own Python packages are imported."""
    return frozenset(match[1].lower() for file in files if (match := _OWN.match(file.path)))


def _look_at(files: list[File], scanner: Scanner, workers: int | None) -> Iterator[Seen]:
    count = workers if workers is not None else os.cpu_count() or 1
    if count > 1 and sum(min(file.size, _MOST_TEXT) for file in files) > _POOL_FROM_BYTES:
        from reliant.inventory.pool import in_pool  # noqa: PLC0415 - most runs need none

        yield from in_pool(files, scanner, count)
        return
    yield from scanner.look_at(files)
