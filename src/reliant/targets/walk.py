"""Walk a folder: in a fixed order, without following a link, and without trusting it to end.

What git ignores is walked all the same: a `.env` or a folder of weights is rarely
committed and is evidence. What a tool put there (history, caches, installed
dependencies) is not the target's own and is skipped, each folder listed once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from reliant.targets.file import File, Skipped, shown, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.targets.limits import Limits

SKIPPED_FOLDERS = {
    ".git": "version history",
    ".hg": "version history",
    ".svn": "version history",
    ".jj": "version history",
    "node_modules": "installed packages",
    "bower_components": "installed packages",
    ".venv": "installed packages",
    ".tox": "installed packages",
    ".nox": "installed packages",
    ".pixi": "installed packages",
    "__pypackages__": "installed packages",
    ".yarn": "installed packages",
    ".pnpm-store": "installed packages",
    "__pycache__": "cache of a tool",
    ".mypy_cache": "cache of a tool",
    ".pytest_cache": "cache of a tool",
    ".ruff_cache": "cache of a tool",
    ".hypothesis": "cache of a tool",
    ".ipynb_checkpoints": "cache of a tool",
    ".gradle": "cache of a tool",
    ".terraform": "cache of a tool",
    ".parcel-cache": "cache of a tool",
    ".turbo": "cache of a tool",
    ".nyc_output": "cache of a tool",
    ".sass-cache": "cache of a tool",
}
_LINK = "symbolic link, not followed"
_SPECIAL = "no regular file (device, pipe or socket)"
# What lies in a folder that `python -m venv` or `conda create` made, or that calls itself a cache.
_MARKS = {
    "pyvenv.cfg": "installed packages",
    "conda-meta": "installed packages",
    "CACHEDIR.TAG": "cache of a tool",
}
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_METADATA_ONLY = "installed packages: only their names and versions were read"

_Entry: TypeAlias = "tuple[str, os.DirEntry[str]]"


def walk(root: str, limits: Limits, skipped: Skipped) -> Iterator[File]:
    """Yield the regular files below `root` in a fixed order; note in `skipped` what is left out.

    Memory is that of the folders on the way down, whatever the size of the tree.
    """
    count = 0
    waiting = [_entries(root, "", skipped)]
    while waiting:
        for path, entry in waiting[-1]:
            try:
                if entry.is_symlink():
                    skipped.add(path, _LINK)
                    continue
                if entry.is_dir(follow_symlinks=False):
                    below = _folder(entry, path, len(waiting), limits, skipped)
                    if below is None:
                        continue
                    waiting.append(below)
                    break
                if not entry.is_file(follow_symlinks=False):
                    skipped.add(path, _SPECIAL)
                    continue
                found = entry.stat(follow_symlinks=False)
            except OSError as error:
                skipped.add(path, why(error), incomplete=True)
                continue
            count += 1
            if count > limits.files:
                skipped.add(path, f"the walk stopped here: more than {limits.files:,} files", incomplete=True)
                return
            yield File(path, found.st_size, entry.path, found.st_mtime_ns)
        else:
            waiting.pop()


def _folder(
    entry: os.DirEntry[str], path: str, depth: int, limits: Limits, skipped: Skipped
) -> Iterator[_Entry] | None:
    """Return what is in a folder, or None if it is skipped."""
    reason = SKIPPED_FOLDERS.get(entry.name)
    if reason is not None:
        skipped.add(path, reason)
        return None
    if depth >= limits.depth:
        skipped.add(path, f"deeper than {limits.depth} folders", incomplete=True)
        return None
    if entry.name in _INSTALLED:
        skipped.add(path, _METADATA_ONLY)
        return _installed(entry.path, path, skipped)
    return _entries(entry.path, path, skipped)


def _entries(folder: str, path: str, skipped: Skipped) -> Iterator[_Entry]:
    """Yield what is in one folder, by name."""
    inside = _sorted(folder, path, skipped)
    if path:
        for entry in inside:
            if entry.name in _MARKS:
                skipped.add(path, _MARKS[entry.name])
                return
    prefix = f"{path}/" if path else ""
    for entry in inside:
        yield prefix + shown(entry.name), entry


def _installed(folder: str, path: str, skipped: Skipped) -> Iterator[_Entry]:
    """Yield the metadata file of each package that is installed in `folder`."""
    for entry in _sorted(folder, path, skipped):
        if entry.name.endswith(".dist-info") and entry.is_dir(follow_symlinks=False):
            inside = f"{path}/{shown(entry.name)}"
            for file in _sorted(entry.path, inside, skipped):
                if file.name == "METADATA":
                    yield f"{inside}/METADATA", file


def _sorted(folder: str, path: str, skipped: Skipped) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        skipped.add(path or ".", why(error), incomplete=True)
        return []
