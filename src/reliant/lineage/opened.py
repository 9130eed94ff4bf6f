"""An opened model: its tensors by name, and the texts that describe it.

Opening reads headers and small side files only. A folder with several formats of the same
model is read in one of them, chosen by a fixed order, and the others are named as not
looked at: nothing depends on which file the file system lists first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from reliant.core.use import NotLookedAt
from reliant.errors import WeightsError
from reliant.lineage.formats import read_header
from reliant.lineage.formats.header import Header, Node, Tensor, short
from reliant.lineage.formats.json import loads_or_none
from reliant.lineage.formats.packed import joined, unread
from reliant.lineage.formats.safetensors import shard_names
from reliant.lineage.formats.sniff import SUFFIXES
from reliant.lineage.formats.source import BudgetSpent
from reliant.lineage.place import LocalSingle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reliant.lineage.formats.source import Source
    from reliant.lineage.place import Place

MAX_SIDE_FILE = 32 << 20
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.(?:safetensors|gguf|bin)$")
_TRAINING_STATE = re.compile(
    r"(?:^|/)(?:optimizer|scheduler|training_args|rng_state|scaler|trainer_state)[^/]*\.(?:bin|pt|pth)$"
)


class Opened(msgspec.Struct, kw_only=True):
    """One model, opened.

    Attributes:
        name: As the user gave it.
        format: Of the weight files read; empty if there is none.
        tensors: Of all files, by name.
        parts: Tensors that packed ones are unpacked with, by name.
        unread: How weights are packed that are not unpacked; empty if there are none.
        nodes: The graph, for ONNX.
        metadata: What the weight file says of itself.
        config: The content of config.json, or an empty dict.
        adapter: The content of adapter_config.json, if this is an adapter.
        files: The weight files read.
        not_looked_at: What was set aside, and why.
    """

    name: str
    place: Any
    format: str
    tensors: dict[str, Tensor]
    nodes: tuple[Node, ...]
    metadata: dict[str, Any]
    config: dict[str, Any]
    adapter: dict[str, Any] | None
    files: tuple[str, ...]
    not_looked_at: list[NotLookedAt]
    parts: dict[str, Tensor] = {}
    unread: str = ""
    _sources: dict[str, Any] = {}
    _texts: dict[str, bytes | None] = {}

    def source(self, file: str) -> Source:
        """Return an open file of the model; opened once."""
        if file not in self._sources:
            self._sources[file] = self.place.open(file)
        source: Source = self._sources[file]
        return source

    def text(self, name: str) -> bytes | None:
        """Return a small side file, or None if it is not there, too large or unreadable."""
        if name not in self._texts:
            self._texts[name] = _side_file(self.place, name, self.not_looked_at)
        return self._texts[name]

    def json(self, name: str) -> Any:
        """Return a side file as JSON, or None."""
        data = self.text(name)
        return None if data is None else loads_or_none(data)


def open_model(place: Place) -> Opened:
    """Return the model at `place`, with every header read.

    Raises:
        WeightsError: The only weight file there is cannot be read.
    """
    names = place.names()
    notes: list[NotLookedAt] = []
    adapter = (
        _object(_side_file(place, "adapter_config.json", notes)) if "adapter_config.json" in names else None
    )
    config = _object(_side_file(place, "config.json", notes)) if "config.json" in names else None
    chosen, shards = _chosen(place, names, notes)
    if not chosen and isinstance(place, LocalSingle):
        chosen = [names[0]]  # so that its reader says what is wrong with it
    opened = Opened(
        name=place.name, place=place, format="", tensors={}, nodes=(), metadata={}, config=config or {},
        adapter=adapter, files=(), not_looked_at=notes, _sources={}, _texts={},
    )  # fmt: skip
    for file in chosen:
        try:
            _take(opened, file, shards)
        except BudgetSpent:
            raise
        except WeightsError as error:
            if len(chosen) == 1:
                raise
            notes.append(NotLookedAt(file, error.problem))
    opened.tensors, opened.parts = joined(
        opened.tensors,
        opened.config,
        lambda one: one.inline or opened.source(one.file).read(one.offset, one.nbytes),
    )
    packing = unread(opened.tensors)
    if packing:
        opened.unread = packing
        notes.append(
            NotLookedAt(
                opened.files[0] if opened.files else opened.name, f"weights packed by {packing}: {UNPACK}"
            )
        )
    return opened


UNPACK = "trace the model as it was before, or a copy as GGUF, GPTQ, AWQ, HQQ, EXL3 or MLX"
"""What to do with weights that are not unpacked."""


def _take(opened: Opened, file: str, shards: dict[str, str]) -> None:
    source = opened.source(file)
    header: Header = read_header(source)
    opened.format = opened.format or header.format
    opened.nodes += header.nodes
    opened.metadata = {**header.metadata, **opened.metadata}
    opened.files += (file,)
    opened.not_looked_at.extend(NotLookedAt(file, note) for note in header.notes)
    for tensor in header.tensors:
        if tensor.name in opened.tensors:
            raise WeightsError(file, f"the tensor {short(tensor.name)} is in two files")
        if shards and shards.get(tensor.name, file) != file:
            opened.not_looked_at.append(
                NotLookedAt(file, f"the index places {short(tensor.name)} in another shard")
            )
            continue
        opened.tensors[tensor.name] = tensor


def _chosen(place: Place, names: Sequence[str], notes: list[NotLookedAt]) -> tuple[list[str], dict[str, str]]:
    """Return the weight files to read, and tensor -> shard if there is an index."""
    for index in _INDEXES:
        if index in names:
            data = _side_file(place, index, notes)
            if data is None:
                continue
            shards = shard_names(data, index)
            wanted = sorted(set(shards.values()))
            missing = [shard for shard in wanted if shard not in names]
            notes.extend(
                NotLookedAt(shard, "the index names this shard, and it is not there") for shard in missing
            )
            present = [shard for shard in wanted if shard in names]
            if present:
                _note_others(names, present, notes)
                return present, shards
    weights = [name for name in names if name.lower().endswith(SUFFIXES) and not _TRAINING_STATE.search(name)]
    if not weights:
        return [], {}
    shallow = min(name.count("/") for name in weights)
    top = [name for name in weights if name.count("/") == shallow]
    best = min((_rank(name) for name in top), default=0)
    group = [name for name in top if _rank(name) == best]
    adapters = [name for name in group if name.rpartition("/")[2].startswith("adapter_model")]
    if adapters and len(adapters) < len(group):
        group = [name for name in group if name not in adapters]
    chosen = _one_series(group)
    _note_others(names, chosen, notes)
    return chosen, {}


def _rank(name: str) -> int:
    return SUFFIXES.index("." + name.rpartition(".")[2].lower())


def _one_series(group: list[str]) -> list[str]:
    """Return one whole split series, or one file: several whole models in one folder are not mixed."""
    splits = sorted(name for name in group if _SPLIT.search(name))
    if splits:
        stem = _SPLIT.sub("", splits[0])
        return [name for name in splits if _SPLIT.sub("", name) == stem]
    for usual in ("model.safetensors", "pytorch_model.bin", "model.onnx", "consolidated.00.pth"):
        for name in group:
            if name.rpartition("/")[2] == usual:
                return [name]
    return sorted(group)[:1]


def _note_others(names: Iterable[str], chosen: Sequence[str], notes: list[NotLookedAt]) -> None:
    for name in names:
        if name.lower().endswith(SUFFIXES) and name not in chosen:
            reason = f"the model is read from {chosen[0]}"
            if _rank(name) == _rank(chosen[0]):
                reason += "; if this is another model, trace it by its own name"
            notes.append(NotLookedAt(name, reason))


def _side_file(place: Place, name: str, notes: list[NotLookedAt]) -> bytes | None:
    if name not in place.names():
        return None
    try:
        source = place.open(name)
        if source.size > MAX_SIDE_FILE:
            notes.append(NotLookedAt(name, f"{source.size:,} bytes; at most {MAX_SIDE_FILE:,} are read"))
            return None
        return source.read(0, source.size)
    except BudgetSpent:
        notes.append(NotLookedAt(name, "the byte budget is spent"))
        return None
    except WeightsError as error:
        notes.append(NotLookedAt(name, error.problem))
        return None


def _object(data: bytes | None) -> dict[str, Any] | None:
    value = None if data is None else loads_or_none(data)
    return value if isinstance(value, dict) else None
