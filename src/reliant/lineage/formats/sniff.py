"""Which reader a file needs: by its first bytes where they tell, else by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.errors import WeightsError
from reliant.lineage.formats.gguf import read_gguf
from reliant.lineage.formats.npz import read_npy, read_npz
from reliant.lineage.formats.onnx import read_onnx
from reliant.lineage.formats.pytorch import read_pytorch, refuse_pickle
from reliant.lineage.formats.safetensors import read_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.lineage.formats.header import Header
    from reliant.lineage.formats.source import Source

# Names that may be weights; what a folder is searched for. Of several formats the first is read.
SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".jit", ".gguf", ".onnx", ".npz", ".npy")


def reader_of(source: Source) -> Callable[[Source], Header]:
    """Return the reader for `source`.

    Raises:
        WeightsError: No reader knows this kind of file.
    """
    name = source.name.lower()
    head = source.read(0, min(16, source.size))
    if head[:4] == b"GGUF":
        return read_gguf
    if head[:6] == b"\x93NUMPY":
        return read_npy
    if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return read_npz if name.endswith(".npz") else read_pytorch
    if name.endswith(".safetensors") or head[8:10] in {b'{"', b"{}"}:
        return read_safetensors
    if name.endswith(".onnx"):
        return read_onnx
    if name.endswith((".npz", ".gguf", ".npy")):
        raise WeightsError(source.name, f"it does not begin as a {name.rpartition('.')[2]} file does")
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return refuse_pickle
    raise WeightsError(
        source.name,
        "no reader knows this kind of file",
        hint=f"Known are {', '.join(SUFFIXES)}; a .bin or .pt must be a zip checkpoint.",
    )
