"""Writes one chain: a record reaches the operating system before anything that follows from it.

A killed process loses nothing that way. Under load the records of one turn of the
event loop are written at once, and the bytes that must not go out before them wait
for that (`after`). When the disk has them is told in `disk`.

While a segment cannot be written, or was moved or changed by somebody else, nothing
may be answered. A full disk is tried again; what happened is then in the chain.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.gateway.audit.chain import START, BadLine, Opened, link, seal, write_line
from reliant.gateway.audit.disk import Disk
from reliant.gateway.audit.ends import End, cut_off, end_of, where_it_ended
from reliant.gateway.audit.heads import Head, fingerprint, public_bytes
from reliant.gateway.audit.put import settle
from reliant.gateway.audit.records import Change, Checkpoint, Opening, Record, signed_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ENCODE = msgspec.json.Encoder()

_PUBLISH_S = 0.25
"""Checkpoints that come sooner after one another are in the chain only."""

_AGAIN_S = 1.0
"""So often a full disk is tried again."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class ChainWriter:
    """Appends to `<folder>/<chain>-<segment>.jsonl`; the only writer of that chain.

    A new segment begins each day, and when one is full.

    Attributes:
        lost: Why the chain cannot be gone on with: its end is not here.
        instead_of: The chain that this one was begun in place of, and `because` of what.
    """

    def __init__(
        self,
        folder: Path,
        chain: str,
        key: Ed25519PrivateKey,
        *,
        now: Callable[[], float],
        opening: Callable[[int, int, int], Opening],
        to_disk: bool = True,
        every_records: int = 1_000,
        segment_bytes: int = 1 << 28,
        begin: bool = True,
    ) -> None:
        """Open the chain where it ended, and write that it was opened.

        Args:
            folder: Made if it is not there.
            chain: Name of the chain: one per worker.
            key: Signs the checkpoints.
            now: Seconds since 1970.
            opening: Makes the opening record from its number, its time and the
                bytes of a half line that a crash left.
            to_disk: Whether `durable` waits for the disk.
            every_records: A checkpoint is written at least this often.
            segment_bytes: A new file begins after this many.
            begin: Whether to write that now; else `begin` does.
        """
        self.folder = folder
        self.chain = chain
        self.lost = ""
        self.instead_of = self.because = ""
        self._key = key
        self._key_name = fingerprint(public_bytes(key))
        self._now = now
        self.to_disk = to_disk
        self._every = every_records
        self._segment_bytes = segment_bytes
        self._head = START
        self._next = 0
        self._size = 0
        self._day = 0
        self._segment = 1
        self.fd = -1
        self._since_checkpoint = 0
        self.disk = Disk(self, now)
        self.error: OSError | None = None
        self._roll_due = False
        self._published = 0.0
        self._inode = (0, 0)
        self._tried = 0.0
        self._opening = opening
        self._torn = 0
        self._cuts: tuple[tuple[Path, int], ...] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: list[bytes] = []
        self._then: list[tuple[Callable[[bytes], object], bytes, Callable[[OSError], object]]] = []
        self.pending = False
        self.others: Callable[[], dict[str, str]] = dict
        self.on_close: Callable[[], None] | None = None
        self._resume()
        if begin:
            self.begin()

    # opening
    def _path(self, segment: int) -> Path:
        return self.folder / f"{self.chain}-{segment:05d}.jsonl"

    def _resume(self) -> None:
        """Open the chain where it ended; nothing is changed in it yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = where_it_ended(self.folder, self.chain)
        self._segment, self._next, self._head = found.segment, found.records, found.digest
        self._torn, self._cuts, self.lost = found.torn, found.cuts, found.lost
        if not self.lost:
            self._open()

    def begin(self) -> None:
        """Cut off what a crash left half done, write that the chain is open, and sign what was there."""
        if self._torn:
            cut_off(self._cuts)
            self._size = os.fstat(self.fd).st_size
        cut, self._torn = self._torn, 0
        goes_on = self._next > 0
        self.append(self._opening(self._next, self._stamp(), cut))
        if goes_on:
            self.checkpoint()

    def move(self, chain: str) -> None:
        """Leave a chain that nothing was written to, and open another one."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        self.chain = chain
        self._resume()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        handle = os.open(self._path(self._segment), flags, 0o640)
        try:
            settle(self.folder)
        except OSError:
            os.close(handle)
            raise
        there = os.fstat(handle)
        self.fd, self._size, self._inode = handle, there.st_size, (there.st_dev, there.st_ino)
        self._day = self._today()

    @property
    def segment(self) -> Path:
        """The file that is being written."""
        return self._path(self._segment)

    # writing
    def _today(self) -> int:
        return int(self._now()) // 86_400

    def _stamp(self) -> int:
        return int(self._now() * 1_000_000)

    @property
    def next_number(self) -> int:
        """The number the next record gets."""
        return self._next

    @property
    def head(self) -> str:
        """The hash of the last record, in hexadecimal."""
        return self._head.hex()

    @property
    def broken(self) -> bool:
        """Whether the log can no longer be written."""
        return self.error is not None

    def take(self) -> tuple[int, int]:
        """Return number and time for the record that is appended next."""
        return self._next, int(self._now() * 1_000_000)

    def append(self, record: Record, opened: dict[str, Opened] | None = None) -> int:
        """Write a record whose number and time come from `take`; return its number.

        Raises:
            OSError: The log cannot be written; then nothing may be answered.
        """
        return self.append_text(_ENCODE.encode(record), opened)

    def append_text(self, body: bytes, opened: dict[str, Opened] | None = None) -> int:
        """Write a record that is encoded already; return its number.

        Raises:
            OSError: The log cannot be written; then nothing may be answered.
        """
        if self.error is not None:
            raise self.error
        self._head = head = link(self._head, body)
        line = write_line(head, body, opened)
        self._lines.append(line)
        if self._loop is None:
            self._put()
        elif not self.pending:
            self.pending = True
            self._loop.call_soon(self.flush)
        number = self._next
        self._next = number + 1
        self._size += len(line)
        self._since_checkpoint += 1
        if self._since_checkpoint >= self._every:
            self.checkpoint(publish=self._now() - self._published >= _PUBLISH_S)
        return number

    def gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on write the records of one turn of `loop` at once."""
        self._loop = loop

    def _put(self) -> None:
        lines = self._lines
        data = lines[0] if len(lines) == 1 else b"".join(lines)
        lines.clear()
        try:
            done = os.write(self.fd, data)
            while done < len(data):
                done += os.write(self.fd, data[done:])
        except OSError as error:
            # Half a line may stand there: nothing can be appended safely after it.
            self.error = error
            raise

    def after(
        self, send: Callable[[bytes], object], data: bytes, failed: Callable[[OSError], object]
    ) -> None:
        """Call `send(data)` once every record so far is with the operating system, at once if it is.

        If the log cannot be written, `failed` gets the error instead.
        """
        if self.pending:
            self._then.append((send, data, failed))
        elif self.error is not None:
            failed(self.error)
        else:
            send(data)

    def flush(self) -> None:
        """Write what was gathered, then do what waited for it."""
        if not self.pending:
            return
        self.pending = False
        waiting, self._then = self._then, []
        if self.error is None and self._lines:
            with contextlib.suppress(OSError):
                self._put()
        error = self.error
        if error is None:
            for send, data, _ in waiting:
                try:  # not suppress(): this runs twice for every request
                    send(data)
                except RuntimeError:
                    continue  # a connection that is gone says so by itself, to whom it concerns
        else:
            for _, _, failed in waiting:
                failed(error)

    def flush_or_fail(self) -> None:
        """Write what was gathered, for who goes on at once with what follows from it.

        Raises:
            OSError: It cannot be written.
        """
        self.flush()
        if self.error is not None:
            raise self.error

    def kept(self, text: str) -> tuple[str, Opened]:
        """Return the digest for the record and the erasable value for `append`."""
        opened = Opened(secrets.token_hex(16), text)
        return seal(opened), opened

    def checkpoint(self, *, publish: bool = True) -> None:
        """Sign everything so far; nothing is written if nothing was since the last.

        With `publish` it vouches for the other chains as well, and stands beside the chain.
        """
        if self._since_checkpoint == 0:
            return
        others = self.others() if publish else {}
        head = self.head
        signature = self._key.sign(signed_text(self.chain, self._next, head, others)).hex()
        self._since_checkpoint = -1
        number = self.append(
            Checkpoint(
                n=self._next,
                t=self._stamp(),
                head=head,
                key=self._key_name,
                signature=signature,
                others=others,
            )
        )
        if publish:
            self.disk.unpublished = Head(self.chain, number, head, self._key_name, signature, others)
            self._published = self._now()
            if self._loop is None:
                self.settle()
        self._roll_due = self._size >= self._segment_bytes or self._day != self._today()
        self.roll_if_due()

    def roll_if_due(self) -> None:
        """Begin a new segment if it is time to, and the disk is not at work on this one.

        Raises:
            OSError: What this one has cannot be brought to the disk.
        """
        if self._roll_due and not self.disk.busy:
            self._roll()

    def _roll(self) -> None:
        """Begin a new segment; where none can be opened the old one goes on."""
        self.flush_or_fail()
        os.fdatasync(self.fd)
        old = self.fd
        self._segment += 1
        try:
            self._open()
        except OSError:
            self._segment -= 1
            return
        self._roll_due = False
        os.close(old)

    def settle(self) -> None:
        """Return once all of it is on the disk, and the newest head is published.

        Raises:
            OSError: It cannot be written.
        """
        self.flush_or_fail()
        self.disk.settle()

    # durability
    def start_sync(self, *, alone: bool) -> None:
        """Begin bringing what is written to the disk, without waiting; `alone` if nobody else is served."""
        if self.to_disk:
            self.disk.start(alone=alone)

    def is_durable(self, number: int) -> bool:
        """Say whether `number` is as safe as the configuration asks; a fast disk is waited for.

        Raises:
            OSError: The disk refused.
        """
        return not self.to_disk or self.disk.has(number)

    async def durable(self, number: int) -> None:
        """Return once the record `number` is as safe as the configuration asks.

        Raises:
            OSError: The disk refused.
        """
        if self.to_disk:
            await self.disk.wait_for(number)

    # what becomes of the file
    def look(self, now: float) -> None:
        """See that the segment stays where it is, and go on after a disk that was full."""
        if self.error is None:
            self.error = self._moved()
        if self.error is not None:
            self._write_again(now)

    def _moved(self) -> OSError | None:
        """Return what somebody else did to the segment that is being written, if anything."""
        try:
            there = self.segment.stat()
        except OSError as error:
            return OSError(f"{self.segment} was taken away while it was written: {error.strerror}")
        if (there.st_dev, there.st_ino) != self._inode:
            return OSError(f"{self.segment} was replaced while it was written")
        if not self.pending and there.st_size != self._size:
            return OSError(f"{self.segment} was changed by somebody else while it was written")
        return None

    def _write_again(self, now: float) -> None:
        """Go on after the last whole record where the disk was full and may be so no more."""
        error = self.error
        if error is None or error.errno not in _FULL or self.disk.busy or now - self._tried < _AGAIN_S:
            return
        self._tried = now
        try:
            there = self.segment.stat()
            end = end_of(self.segment)
            if not isinstance(end, End) or (there.st_dev, there.st_ino) != self._inode:
                return
            os.ftruncate(self.fd, there.st_size - end.torn)
            os.fsync(self.fd)
        except (OSError, BadLine):
            return
        # What was not written was not acted on either: those who waited for it were told.
        self._next, self._head = end.number + 1, end.digest
        self._size = there.st_size - end.torn
        self.disk.forget_after(end.number)
        self.error = None
        number, moment = self.take()
        detail = f"{error.strerror}; {end.torn} bytes of half a line were cut off"
        with contextlib.suppress(OSError):
            what = "the log could not be written for a time"
            self.append(Change(n=number, t=moment, what=what, by="the gateway", detail=detail))
            self.flush_or_fail()

    def close(self) -> None:
        """Sign what is left and close."""
        self.flush()
        self._loop = None
        if self.fd >= 0 and self.error is None:
            self.checkpoint()
            with contextlib.suppress(OSError):
                self.settle()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.on_close is not None:
            self.on_close()
