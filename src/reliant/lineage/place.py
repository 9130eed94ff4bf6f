"""Where a model lies: a folder, a single file, or (through `lineage.remote`) a server.

A place lists file names and opens each as a `Source`. A name from inside a model (a shard
index, ONNX external data) is opened only if it resolves to a regular file inside the folder;
a snapshot of the hub's cache may point into the `blobs` folder beside it, and nowhere else.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reliant.errors import TargetError, WeightsError
from reliant.lineage.formats.header import short
from reliant.lineage.formats.safetensors import is_plain_name
from reliant.lineage.formats.sniff import SUFFIXES
from reliant.lineage.formats.source import LocalFile

if TYPE_CHECKING:
    from reliant.lineage.formats.source import Meter, Source

MAX_LISTED = 20_000
_MAX_LEVELS = 3
_SIDE_SUFFIXES = (".json", ".md", ".yml", ".yaml", ".txt", ".model", ".tiktoken")


class Place(Protocol):
    """What can list and open the files of one model."""

    @property
    def name(self) -> str:
        """Return the path or id as the user gave it."""

    @property
    def meter(self) -> Meter:
        """Return the counter of what was read."""

    def names(self) -> tuple[str, ...]:
        """Return the files that matter, in a fixed order, relative with forward slashes."""

    def open(self, name: str) -> Source:
        """Return one file.

        Raises:
            WeightsError: It is not there, not a regular file, or outside the model.
        """


class LocalFolder:
    """A folder on disk."""

    def __init__(self, root: Path, meter: Meter, *, name: str | None = None) -> None:
        self.name = name or str(root)
        self.meter = meter
        self._root = root.resolve()
        blobs = self._root.parent.parent / "blobs"
        in_cache = self._root.parent.name == "snapshots" and blobs.is_dir()
        self._roots = (self._root, blobs.resolve()) if in_cache else (self._root,)

    def names(self) -> tuple[str, ...]:
        """Return weight and side files up to three levels deep."""
        found: list[str] = []
        for folder, folders, files in os.walk(self._root):
            depth = len(Path(folder).relative_to(self._root).parts)
            folders[:] = sorted(one for one in folders if not one.startswith(".") and depth + 1 < _MAX_LEVELS)
            for file in sorted(files):
                if file.lower().endswith((*SUFFIXES, *_SIDE_SUFFIXES)):
                    found.append(Path(folder, file).relative_to(self._root).as_posix())
            if len(found) > MAX_LISTED:
                break
        return tuple(found[:MAX_LISTED])

    def open(self, name: str) -> Source:
        """Return one file of the folder."""
        if not is_plain_name(name):
            raise WeightsError(self.name, f"it names {short(name)}, which is not a file of its folder")
        try:
            path = (self._root / name).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise WeightsError(name, "it is not there, or its links run in a circle") from error
        if not any(path.is_relative_to(root) for root in self._roots):
            raise WeightsError(
                name, "it is a link to outside the model's folder", hint="Copy the file into the folder."
            )
        return LocalFile(path, self.meter, name=name)


_BESIDE = ("config.json", "tokenizer.json", "vocab.txt", "vocab.json", "adapter_config.json", "README.md")


class LocalFew:
    """Some files of a folder that are one model, whatever else lies there.

    A README counts as the model's card only beside a model's config: in a folder of code it
    speaks of the code.
    """

    def __init__(self, folder: Path, files: tuple[str, ...], meter: Meter, *, name: str) -> None:
        self.name = name
        self.meter = meter
        self._files = files
        self._folder = LocalFolder(folder, meter)
        described = any((folder / one).is_file() for one in ("config.json", "adapter_config.json"))
        wanted = (
            (*_BESIDE, "model.safetensors.index.json", "pytorch_model.bin.index.json", "mergekit_config.yml")
            if described
            else ("tokenizer.json",)
        )
        self._beside = tuple(one for one in wanted if (folder / one).is_file())

    def names(self) -> tuple[str, ...]:
        """Return the weight files, and what describes them."""
        return (*self._files, *self._beside)

    def open(self, name: str) -> Source:
        """Return one of them, or a file beside them that they name."""
        return self._folder.open(name)


class LocalSingle:
    """One file; files beside it are opened only when the file names them (ONNX external data)."""

    def __init__(self, path: Path, meter: Meter, *, name: str | None = None) -> None:
        self.name = name or str(path)
        self.meter = meter
        self._path = path
        self._folder = LocalFolder(path.parent, meter)

    def names(self) -> tuple[str, ...]:
        """Return the file, and the files beside it that describe a model."""
        here = [name for name in _BESIDE if (self._path.parent / name).is_file()]
        return (self._path.name, *here)

    def open(self, name: str) -> Source:
        """Return the file itself, or one beside it."""
        if name == self._path.name:
            return LocalFile(self._path, self.meter, name=name)
        return self._folder.open(name)


def local_place(name: str, meter: Meter) -> Place:
    """Return the place at a path.

    Raises:
        TargetError: There is neither a folder nor a file.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return LocalFolder(path, meter, name=name)
    if path.exists():
        return LocalSingle(path, meter, name=name)
    raise TargetError(
        f"there is no model at {name!r}",
        hint="Name a folder, a weight file, a URL, or a hub id such as org/name.",
    )
