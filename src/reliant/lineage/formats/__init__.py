"""Readers of weight files: what tensors a file holds and where they lie, and nothing is ever run.

A reader takes a `Source` (bytes at an offset) and gives a `Header`. No reader needs
numpy, and none reads tensor values: `assess` looks at headers alone. Every count, length
and offset in a file is somebody else's claim, so it is compared with the bytes that are
left before anything is allocated for it.
"""

from __future__ import annotations

from reliant.lineage.formats.header import Header, Tensor
from reliant.lineage.formats.source import LocalFile, MemoryFile, Meter, Source, Span

__all__ = ["Header", "LocalFile", "MemoryFile", "Meter", "Source", "Span", "Tensor", "read_header"]


def read_header(source: Source) -> Header:
    """Return what `source` holds, by its first bytes first and its name second.

    Raises:
        WeightsError: The file is damaged, hostile or of a kind that is not read.
    """
    from reliant.lineage.formats.sniff import reader_of  # noqa: PLC0415 - the readers import this package

    return reader_of(source)(source)
