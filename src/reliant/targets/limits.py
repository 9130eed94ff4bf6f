"""How much of a target is opened: every target is taken to be hostile."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What opening and walking a target may cost.

    Attributes:
        depth: Folders below the root.
        files: Files walked, and members of an archive.
        unpacked_bytes: Total that an archive, an image or a git tree may unpack to.
        member_bytes: Kept of one member of an archive: a weight file is read by its header only.
        ratio: Unpacked size over packed size from which an archive is taken for a bomb;
            applied once `ratio_from` bytes are unpacked.
        download_bytes: Of one fetched file.
        listed: Skipped paths that are listed per reason; the rest is counted.
        seconds: Given to one git or network step.
    """

    depth: int = 100
    files: int = 1_000_000
    unpacked_bytes: int = 8 * GIB
    member_bytes: int = 64 * MIB
    ratio: int = 200
    ratio_from: int = 64 * MIB
    download_bytes: int = 4 * GIB
    listed: int = 200
    seconds: int = 600
