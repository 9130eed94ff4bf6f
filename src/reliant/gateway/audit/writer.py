"""Writes one chain: a record reaches the operating system before anything that follows from it.

A killed process loses nothing that way. Under load the records of one turn of the
event loop are written at once, and the bytes that must not go out before them wait
for that (`after`). The disk follows within a twentieth of a second; with durability
`disk` an answer waits for it. One `fdatasync` serves all that wait, and it runs
while the provider is thinking. A head is published once the disk has what it names.

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
from reliant.gateway.audit.ends import End, cut_off_torn, end_of, where_it_ended
from reliant.gateway.audit.heads import Head, fingerprint, public_bytes, publish
from reliant.gateway.audit.records import Change, Checkpoint, Opening, Record, signed_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ENCODE = msgspec.json.Encoder()

_FAST_SYNC_S = 0.0005
"""A disk this fast is waited for on the spot: a thread would cost more."""

BEHIND_S = 0.05
"""How far the disk may be behind where no answer waits for it."""

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
        self._fd = -1
        self._since_checkpoint = 0
        self._synced = -1
        self._syncing = False
        self._sync_s = 0.001
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._error: OSError | None = None
        self._roll_due = False
        self._published = 0.0
        self._unpublished: Head | None = None
        self._inode = (0, 0)
        self._tried = 0.0
        self._opening = opening
        self._torn = 0
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
        self._torn, self.lost = found.torn, found.lost
        if not self.lost:
            self._open()

    def begin(self) -> None:
        """Cut off the half line that a crash left, write that the chain is open, and sign what was there."""
        if self._torn:
            cut_off_torn(self.folder, self.chain)
            self._size = os.fstat(self._fd).st_size
        cut, self._torn = self._torn, 0
        goes_on = self._next > 0
        self.append(self._opening(self._next, self._stamp(), cut))
        if goes_on:
            self.checkpoint()

    def move(self, chain: str) -> None:
        """Leave a chain that nothing was written to, and open another one."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.chain = chain
        self._resume()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        handle = os.open(self._path(self._segment), flags, 0o640)
        try:
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            os.close(handle)
            raise
        there = os.fstat(handle)
        self._fd, self._size, self._inode = handle, there.st_size, (there.st_dev, there.st_ino)
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
        return self._error is not None

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
        if self._error is not None:
            raise self._error
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
            done = os.write(self._fd, data)
            while done < len(data):
                done += os.write(self._fd, data[done:])
        except OSError as error:
            # Half a line may stand there: nothing can be appended safely after it.
            self._error = error
            raise

    def after(
        self, send: Callable[[bytes], object], data: bytes, failed: Callable[[OSError], object]
    ) -> None:
        """Call `send(data)` once every record so far is with the operating system, at once if it is.

        If the log cannot be written, `failed` gets the error instead.
        """
        if self.pending:
            self._then.append((send, data, failed))
        elif self._error is not None:
            failed(self._error)
        else:
            send(data)

    def flush(self) -> None:
        """Write what was gathered, then do what waited for it."""
        if not self.pending:
            return
        self.pending = False
        waiting, self._then = self._then, []
        if self._error is None and self._lines:
            with contextlib.suppress(OSError):
                self._put()
        error = self._error
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
        if self._error is not None:
            raise self._error

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
            self._unpublished = Head(self.chain, number, head, self._key_name, signature, others)
            self._published = self._now()
            if self._loop is None:
                self.flush_or_fail()
                self._publish()
        self._roll_due = self._size >= self._segment_bytes or self._day != self._today()
        if self._roll_due and not self._syncing:
            self._roll()

    def _publish(self) -> None:
        """Publish the newest head; the chain must have what it names."""
        head, self._unpublished = self._unpublished, None
        if head is not None:
            try:
                publish(self.folder, head)
            except OSError:
                self._unpublished = head
                raise

    def _roll(self) -> None:
        """Begin a new segment; where none can be opened the old one goes on."""
        self.flush_or_fail()
        os.fdatasync(self._fd)
        old = self._fd
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
        os.fdatasync(self._fd)
        self._publish()

    # durability
    def start_sync(self, *, alone: bool) -> None:
        """Begin bringing what is written to the disk, without waiting for it.

        With a fast disk and nobody else to serve (`alone`) that is done on the spot,
        but first what this turn of the loop sends goes out: so the disk works while
        the provider does. With others to serve, one sync for all of them comes later.
        """
        if not self.to_disk or self._syncing or self._synced >= self._next - 1:
            return
        if self._sync_s > _FAST_SYNC_S:
            self._sync_in_thread()
        elif alone and self._loop is not None:
            self._loop.call_soon(self._sync_meanwhile)

    def _sync_meanwhile(self) -> None:
        if not self._syncing and self._error is None and not self.pending and self._synced < self._next - 1:
            with contextlib.suppress(OSError):  # who needs it on the disk asks again, and is told
                self._sync_here()

    async def follow(self) -> None:
        """Bring what is written to the disk, again and again, and see that it stays where it is."""
        while True:
            await asyncio.sleep(BEHIND_S)
            if self._fd < 0:
                continue
            if self._error is None:
                self._error = self._moved()
            if self._error is not None:
                self._write_again(asyncio.get_running_loop().time())
                continue
            if self._unpublished is not None and self._unpublished.n <= self._synced:
                with contextlib.suppress(OSError):  # tried again the next time
                    self._publish()
            if not self._syncing and self._synced < self._next - 1:
                self._sync_in_thread()

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
        error = self._error
        if error is None or error.errno not in _FULL or self._syncing or now - self._tried < _AGAIN_S:
            return
        self._tried = now
        try:
            there = self.segment.stat()
            end = end_of(self.segment)
            if not isinstance(end, End) or (there.st_dev, there.st_ino) != self._inode:
                return
            os.ftruncate(self._fd, there.st_size - end.torn)
        except (OSError, BadLine):
            return
        # What was not written was not acted on either: those who waited for it were told.
        self._next, self._head = end.number + 1, end.digest
        self._size = there.st_size - end.torn
        self._synced = min(self._synced, end.number)
        self._error, self._unpublished = None, None
        number, moment = self.take()
        detail = f"{error.strerror}; {end.torn} bytes of half a line were cut off"
        with contextlib.suppress(OSError):
            what = "the log could not be written for a time"
            self.append(Change(n=number, t=moment, what=what, by="the gateway", detail=detail))
            self.flush_or_fail()

    def is_durable(self, number: int) -> bool:
        """Say whether `number` is as safe as the configuration asks; a fast disk is waited for.

        Raises:
            OSError: The disk refused.
        """
        if not self.to_disk or self._synced >= number:
            return True
        self.flush_or_fail()
        if self._syncing or self._waiting or self._sync_s > _FAST_SYNC_S:
            return False
        self._sync_here()
        return True

    async def durable(self, number: int) -> None:
        """Return once the record `number` is as safe as the configuration asks.

        Raises:
            OSError: The disk refused.
        """
        if self.is_durable(number):
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, waiter))
        if not self._syncing:
            self._sync_in_thread()
        await waiter

    def _sync_here(self) -> None:
        upto = self._next - 1
        self._synced_to(upto, self._sync(self._fd))

    def _sync(self, file: int) -> float:
        """Bring a file to the disk; return how long that took. The loop's clock stands still meanwhile."""
        began = self._now()
        os.fdatasync(file)
        return self._now() - began

    def _synced_to(self, number: int, seconds: float) -> None:
        self._synced = max(self._synced, number)
        self._sync_s = 0.8 * self._sync_s + 0.2 * seconds

    def _sync_in_thread(self) -> None:
        self.flush()
        loop = asyncio.get_running_loop()
        self._syncing = True
        upto = self._next - 1
        done = loop.run_in_executor(None, self._sync, self._fd)

        def finish(result: asyncio.Future[float]) -> None:
            self._syncing = False
            error = result.exception()
            if isinstance(error, OSError):
                self._error = error
            else:
                self._synced_to(upto, result.result())
            still = []
            for number, waiter in self._waiting:
                if waiter.done():
                    continue
                if error is not None:
                    waiter.set_exception(error)
                elif number <= self._synced:
                    waiter.set_result(None)
                else:
                    still.append((number, waiter))
            self._waiting = still
            if self._roll_due and self._error is None:
                try:
                    self._roll()
                except OSError as failed:
                    self._error = failed
            if still:
                self._sync_in_thread()

        done.add_done_callback(finish)

    def close(self) -> None:
        """Sign what is left and close."""
        self.flush()
        self._loop = None
        if self._fd >= 0 and self._error is None:
            self.checkpoint()
            with contextlib.suppress(OSError):
                self.settle()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self.on_close is not None:
            self.on_close()
