"""Unpack an archive into a private folder: regular files only, and never more than the limits allow.

Nothing in an archive decides where a file is written: each name is taken apart,
checked and joined below the folder, no link is ever made, and no mode is kept.
What is left out is listed.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import shutil
import struct
import tarfile
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

from reliant.errors import TargetError
from reliant.targets.file import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliant.targets.file import Skipped
    from reliant.targets.limits import Limits

_CHUNK = 1 << 16
# A tar header with its long-name and pax records; a longer one only serves to fill the memory.
_HEADER_BYTES = 8 << 20
_MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
}
# How a layer of an image says that a path below it is gone (OCI image specification, "whiteouts").
_REMOVES, _REMOVES_ALL = ".wh.", ".wh..wh..opq"
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, ValueError, OSError)


class Readable(Protocol):
    """Something that gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        ...


class Writer:
    """Writes members below one folder and keeps count of what they cost."""

    def __init__(self, root: Path, packed: int, limits: Limits, skipped: Skipped, name: str) -> None:
        self.root = root
        self._allowed = limits.unpacked_bytes
        self._packed = max(packed, 1)
        self._limits = limits
        self._skipped = skipped
        self._name = name
        self._bytes = 0
        self._members = 0
        self._folders: set[Path] = set()

    def place(self, name: str) -> Path | None:
        """Return where a member of this name is written, or None if the name is refused."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if not parts:
            return None
        if name.startswith(("/", "\\")) or ".." in parts or any(_odd(part) for part in parts):
            self._skipped.add(shown(name)[:200], "its name leaves the archive", incomplete=True)
            return None
        if len(parts) > self._limits.depth:
            self._skipped.add(
                "/".join(parts[:3]) + "/...", f"deeper than {self._limits.depth} folders", incomplete=True
            )
            return None
        return self.root.joinpath(*parts)

    def count(self) -> None:
        """Count one member, whatever it is.

        Raises:
            TargetError: There are too many.
        """
        self._members += 1
        if self._members > self._limits.files:
            raise TargetError(
                f"{self._name} has more than {self._limits.files:,} members",
                hint="Unpack it yourself and name the folder.",
            )

    def spend(self, size: int) -> None:
        """Count unpacked bytes, kept or not.

        Raises:
            TargetError: There are more than an honest archive of this size has.
        """
        self._bytes += size
        if self._bytes > self._allowed:
            raise TargetError(
                f"{self._name} unpacks to more than {self._allowed:,} bytes",
                hint="Unpack it yourself, after looking at it, and name the folder.",
            )
        if self._bytes > self._limits.ratio_from and self._bytes > self._packed * self._limits.ratio:
            raise TargetError(
                f"{self._name} unpacks to more than {self._limits.ratio} times its size: it may be a bomb",
                hint="Unpack it yourself, after looking at it, and name the folder.",
            )

    def write(self, name: str, source: Readable, *, drain: bool = True) -> None:
        """Write one member; of a large one only the first part.

        Args:
            name: As the archive says it.
            source: Its content.
            drain: The rest must be read before the next member can be.
        """
        path = self.place(name)
        kept = 0
        with ExitStack() as stack:
            out = self._open(path, stack) if path is not None else None
            while chunk := source.read(_CHUNK):
                self.spend(len(chunk))
                room = self._limits.member_bytes - kept
                if out is not None and room > 0:
                    out.write(chunk[:room])
                    kept += min(len(chunk), room)
                if len(chunk) > room and out is not None:
                    self._skipped.add(
                        shown(name), f"only its first {self._limits.member_bytes >> 20} MiB were read"
                    )
                    out = None
                if out is None and not drain:
                    break

    def remove(self, name: str, *, itself: bool) -> None:
        """Remove what lies at `name` below the folder, or only what is in it."""
        self._folders.clear()
        path = self.place(name) or self.root
        if path.is_dir():
            for inside in path.iterdir():
                shutil.rmtree(inside, ignore_errors=True) if inside.is_dir() else inside.unlink()
        if itself and path != self.root:
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)

    def _open(self, path: Path, stack: ExitStack) -> IO[bytes] | None:
        try:
            if path.parent not in self._folders:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._folders.add(path.parent)
            try:
                return stack.enter_context(path.open("xb"))
            except FileExistsError:
                path.unlink()
                return stack.enter_context(path.open("xb"))
        except OSError as error:
            name = path.relative_to(self.root).as_posix()
            self._skipped.add(
                shown(name)[:200],
                f"could not be unpacked: {(error.strerror or str(error)).lower()}",
                incomplete=True,
            )
            return None


def _odd(part: str) -> bool:
    return "\x00" in part or (len(part) == 2 and part[1] == ":")


def is_archive(path: Path) -> bool:
    """Say whether the file at `path` begins like a zip, a tar or a compressed stream."""
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", *_MAGIC)) or head[257:262] == b"ustar"


def unpack(archive: Path, root: Path, limits: Limits, skipped: Skipped) -> None:
    """Unpack `archive` below `root`.

    Raises:
        TargetError: It is broken, or larger inside than the limits allow.
    """
    writer = Writer(root, archive.stat().st_size, limits, skipped, archive.name)
    with archive.open("rb") as file:
        zipped = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    try:
        if zipped:
            _unzip(archive, writer, limits, skipped)
        else:
            with archive.open("rb") as file:
                untar(file, writer, skipped)
    except _BROKEN as error:
        raise TargetError(
            f"{archive.name} is no archive that can be read: {error}",
            hint="zip, wheel, jar, tar, tar.gz, tar.bz2 and tar.xz can be opened.",
        ) from error


def decompressed(file: IO[bytes]) -> Readable:
    """Return the content of a stream, whatever of gzip, bzip2, xz or zstandard it was packed with.

    Raises:
        TargetError: It is packed with zstandard, and nothing here can unpack that.
    """
    head = file.read(8)
    file.seek(0)
    packing = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")
    if packing == "gz":
        return cast("Readable", gzip.GzipFile(fileobj=file))
    if packing == "bz2":
        return cast("Readable", bz2.BZ2File(file))
    if packing == "xz":
        return cast("Readable", lzma.LZMAFile(file))
    if packing == "zst":
        return _zstandard(file)
    return file


def _zstandard(file: IO[bytes]) -> Readable:
    # In the standard library from Python 3.14; before that, a package that may be installed.
    try:
        return cast("Readable", importlib.import_module("compression.zstd").ZstdFile(file))
    except ImportError:
        pass
    try:
        reader = importlib.import_module("zstandard").ZstdDecompressor().stream_reader(file)
    except ImportError as error:
        raise TargetError(
            "this is packed with zstandard, which cannot be unpacked here",
            hint="Use Python 3.14, or: pip install zstandard",
        ) from error
    return cast("Readable", reader)


class _Metered:
    """A stream that refuses to give more than a header's worth of bytes while a header is read."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.left: int | None = None

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                msg = "a member's header is longer than any real one"
                raise tarfile.ReadError(msg)
        return data


def untar(file: IO[bytes], writer: Writer, skipped: Skipped) -> None:
    """Write the regular files of a tar stream, packed or not."""
    for member, content in _members(file, writer):
        _take(member, content, writer, skipped)


def untar_layer(file: IO[bytes], writer: Writer, skipped: Skipped) -> None:
    """Write one layer of an image over what lies there, and remove what the layer removes."""
    for member, content in _members(file, writer):
        folder, _, name = member.name.rpartition("/")
        if not name.startswith(_REMOVES):
            _take(member, content, writer, skipped)
        elif name == _REMOVES_ALL:
            writer.remove(folder, itself=False)
        else:
            writer.remove(f"{folder}/{name.removeprefix(_REMOVES)}", itself=True)


def _members(file: IO[bytes], writer: Writer) -> Iterator[tuple[tarfile.TarInfo, Readable | None]]:
    """Yield what is in a tar stream; content only of regular files."""
    metered = _Metered(decompressed(file))
    metered.left = _HEADER_BYTES
    with tarfile.open(fileobj=cast("IO[bytes]", metered), mode="r|", bufsize=_CHUNK) as tar:
        while (member := tar.next()) is not None:
            # `tarfile` keeps every header it has seen; a stream is never looked at twice.
            tar.members.clear()  # type: ignore[attr-defined]
            writer.count()
            metered.left = None
            yield member, tar.extractfile(member) if member.isreg() else None
            metered.left = _HEADER_BYTES


def _take(member: tarfile.TarInfo, content: Readable | None, writer: Writer, skipped: Skipped) -> None:
    if content is not None:
        writer.write(member.name, content)
    elif member.issym() or member.islnk():
        skipped.add(shown(member.name)[:200], "link in an archive, not followed")
    elif not member.isdir():
        skipped.add(shown(member.name)[:200], "no regular file (device, pipe or socket)")


def _unzip(archive: Path, writer: Writer, limits: Limits, skipped: Skipped) -> None:
    if (entries := _zip_entries(archive)) > limits.files:
        raise TargetError(
            f"{archive.name} has {entries:,} members", hint="Unpack it yourself and name the folder."
        )
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            writer.count()
            mode = info.external_attr >> 16
            if info.is_dir():
                continue
            if mode & 0o170000 == 0o120000:
                skipped.add(shown(info.filename)[:200], "link in an archive, not followed")
            elif info.flag_bits & 1:
                skipped.add(shown(info.filename)[:200], "encrypted", incomplete=True)
            else:
                try:
                    with zipped.open(info) as content:
                        writer.write(info.filename, content, drain=False)
                except (*_BROKEN, NotImplementedError) as error:
                    skipped.add(
                        shown(info.filename)[:200], f"could not be unpacked: {error}", incomplete=True
                    )


def _zip_entries(archive: Path) -> int:
    """Return how many members the directory of a zip says it has, before reading them all into memory."""
    size = archive.stat().st_size
    with archive.open("rb") as file:
        file.seek(max(0, size - 65_557))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return 0
    count, length = struct.unpack_from("<HI", tail, at + 10)
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if 0xFFFF in (count, length >> 16) and wide >= 0 and len(tail) >= wide + 48:
        count, length = struct.unpack_from("<QQ", tail, wide + 32)
    # The directory is read by its length, whatever count it claims; one entry takes 46 bytes and its name.
    return max(int(count), int(length) // 64)
