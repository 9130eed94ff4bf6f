"""Zip containers, as PyTorch and NPZ use them: members are found, bounded, and seldom inflated.

A stored member is read in place by position. A deflated one has to be inflated whole, so its
claimed size is capped, and inflating stops when the claim turns out to be a lie.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple

from reliant.errors import WeightsError
from reliant.lineage.formats.header import short
from reliant.lineage.formats.source import AsFile, check_inside

if TYPE_CHECKING:
    from reliant.lineage.formats.source import Source

MAX_MEMBERS = 200_000
MAX_DIRECTORY = 32 << 20
MAX_INFLATED = 128 << 20
MAX_RATIO = 200  # deflated random-looking weights hardly shrink; zeros shrink 1000-fold


class Member(NamedTuple):
    """One member of a zip file; `offset` is that of its local header."""

    name: str
    offset: int
    size: int
    packed: int
    stored: bool


def members(source: Source) -> dict[str, Member]:
    """Return the members of a zip file by name.

    Raises:
        WeightsError: The directory is damaged, too large, or members overlap or repeat.
    """
    _check_end(source)
    try:
        with zipfile.ZipFile(AsFile(source)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, EOFError) as error:
        raise WeightsError(source.name, f"it is not a whole zip file: {str(error)[:200]}") from error
    found: dict[str, Member] = {}
    for info in infos:
        if info.filename in found:
            raise WeightsError(source.name, f"the member {short(info.filename)} comes twice")
        if info.flag_bits & 1 or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise WeightsError(
                source.name, f"the member {short(info.filename)} is encrypted or packed unusually"
            )
        stored = info.compress_type == zipfile.ZIP_STORED
        if stored and info.file_size != info.compress_size:
            raise WeightsError(source.name, f"the member {short(info.filename)} has two lengths")
        found[info.filename] = Member(
            info.filename, info.header_offset, info.file_size, info.compress_size, stored
        )
    end = 0
    for member in sorted(found.values(), key=lambda member: member.offset):
        if member.offset < end:
            raise WeightsError(source.name, f"the member {short(member.name)} overlaps the one before it")
        end = member.offset + 30 + member.packed
    return found


def data_offset(source: Source, member: Member) -> int:
    """Return where the member's bytes begin, after its local header."""
    local = source.read(member.offset, 30)
    if local[:4] != b"PK\x03\x04":
        raise WeightsError(source.name, f"the member {short(member.name)} is not where the directory says")
    name_length, extra_length = struct.unpack("<HH", local[26:30])
    offset: int = member.offset + 30 + name_length + extra_length
    check_inside(source.name, source.size, offset, member.packed)
    return offset


def read_member(source: Source, member: Member, limit: int = MAX_INFLATED) -> bytes:
    """Return the whole member.

    Raises:
        WeightsError: It is, or turns out to be, larger than `limit` or a bomb.
    """
    if member.size > limit:
        raise WeightsError(
            source.name,
            f"the member {short(member.name)} claims {member.size:,} bytes; at most {limit:,} are read",
        )
    if not member.stored and member.size > 1 << 20 and member.size > MAX_RATIO * max(1, member.packed):
        raise WeightsError(
            source.name,
            f"the member {short(member.name)} would inflate {member.size // max(1, member.packed):,}-fold",
            hint="That is a zip bomb, or a model of zeros.",
        )
    packed = source.read(data_offset(source, member), member.packed)
    if member.stored:
        return packed
    inflater = zlib.decompressobj(-15)
    try:
        data = inflater.decompress(packed, member.size + 1)
    except zlib.error as error:
        raise WeightsError(source.name, f"the member {short(member.name)} cannot be inflated") from error
    if len(data) != member.size:
        raise WeightsError(source.name, f"the member {short(member.name)} is not as long as it claims")
    return data


def _check_end(source: Source) -> None:
    """Bound the directory before `zipfile` reads it."""
    tail_length = min(source.size, 65_557)
    tail = source.read(source.size - tail_length, tail_length)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise WeightsError(
            source.name, "it has no zip directory", hint="The file is cut short: fetch it again."
        )
    count, length = struct.unpack("<HI", tail[at + 10 : at + 16])
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if wide >= 0 and len(tail) - wide >= 56:
        count, length = struct.unpack("<QQ", tail[wide + 32 : wide + 48])
    if count > MAX_MEMBERS or length > min(MAX_DIRECTORY, source.size):
        raise WeightsError(source.name, f"its directory claims {count:,} members in {length:,} bytes")
