"""Writes one chain: a record reaches the operating system before anything that follows from it.

A killed process loses nothing that way. Under load the records of one turn of the
event loop are written at once, and the bytes that must not go out before them wait
for that (`after`). The disk follows within a twentieth of a second; with durability
`disk` an answer waits for it. One `fdatasync` serves all that wait, and it runs
while the provider is thinking.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from reliant.gateway.audit.chain import START, BadLine, Opened, link, read_line, seal, write_line
from reliant.gateway.audit.records import Checkpoint, Opening, Record, signed_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ENCODE = msgspec.json.Encoder()
_Any = TypeVar("_Any", bound=Record)

_FAST_SYNC_S = 0.0004
"""A disk this fast is waited for on the spot when only one request waits: a thread would cost more."""

BEHIND_S = 0.05
"""How far the disk may be behind where no answer waits for it."""

_PUBLISH_S = 0.25
"""Checkpoints that come sooner after one another are in the chain only."""

_TAIL_BYTES = 1 << 20


class Head(msgspec.Struct, frozen=True):
    """The newest checkpoint, beside the chain: cutting records off the end then shows."""

    chain: str
    n: int
    hash: str
    key: str
    signature: str
    others: dict[str, str] = {}


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the raw public key."""
    return key.public_key().public_bytes_raw()


def fingerprint(public: bytes) -> str:
    """Return the short name of a public key: the first 16 digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


class ChainWriter:
    """Appends to `<folder>/<chain>-<segment>.jsonl`; the only writer of that chain.

    A new segment begins each day, and when one is full.
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
        """
        self.folder = folder
        self.chain = chain
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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: list[bytes] = []
        self._then: list[tuple[Callable[[bytes], object], bytes, Callable[[OSError], object]]] = []
        self.pending = False
        self.others: Callable[[], dict[str, str]] = dict
        self.on_close: Callable[[], None] | None = None
        cut = self._resume()
        self.append(opening(self._next, self._stamp(), cut))

    # opening
    def _path(self, segment: int) -> Path:
        return self.folder / f"{self.chain}-{segment:05d}.jsonl"

    def _resume(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        mine = sorted(self.folder.glob(f"{self.chain}-[0-9]*.jsonl"))
        cut = 0
        if mine:
            self._segment = int(mine[-1].stem.rsplit("-", 1)[1])
        for last in reversed(mine):  # the newest may be empty: a crash came right after it was begun
            found, torn = _last_record(last)
            cut += torn
            if found is not None:
                self._next, self._head = found[0] + 1, found[1]
                break
        self._open()
        return cut

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._path(self._segment), flags, 0o640)
        self._size = os.fstat(self._fd).st_size
        self._day = self._today()
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

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

    def _must(self) -> None:
        """Write what was gathered.

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
            # The head may never be ahead of the chain.
            self._must()
            self._publish(Head(self.chain, number, head, self._key_name, signature, others))
        self._roll_due = self._size >= self._segment_bytes or self._day != self._today()
        if self._roll_due and not self._syncing:
            self._roll()

    def _publish(self, head: Head) -> None:
        target = self.folder / f"{self.chain}.head"
        draft = self.folder / f".{self.chain}.head"
        draft.write_bytes(_ENCODE.encode(head) + b"\n")
        draft.replace(target)
        self._published = self._now()

    def _roll(self) -> None:
        self._must()
        self._roll_due = False
        os.fdatasync(self._fd)
        os.close(self._fd)
        self._segment += 1
        self._open()

    # durability
    def start_sync(self) -> None:
        """Begin bringing what is written to the disk, without waiting for it."""
        if (
            self.to_disk
            and not self._syncing
            and self._synced < self._next - 1
            and self._sync_s > _FAST_SYNC_S
        ):
            self._sync_in_thread()

    async def follow(self) -> None:
        """Bring what is written to the disk, again and again."""
        while True:
            await asyncio.sleep(BEHIND_S)
            if not self._syncing and self._synced < self._next - 1 and self._fd >= 0:
                self._sync_in_thread()

    async def durable(self, number: int) -> None:
        """Return once the record `number` is as safe as the configuration asks.

        Raises:
            OSError: The disk refused.
        """
        if not self.to_disk or self._synced >= number:
            return
        self._must()
        loop = asyncio.get_running_loop()
        if not self._syncing and self._sync_s <= _FAST_SYNC_S and not self._waiting:
            self._sync_here(loop)
            return
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append((number, waiter))
        if not self._syncing:
            self._sync_in_thread()
        await waiter

    def _sync_here(self, loop: asyncio.AbstractEventLoop) -> None:
        upto, began = self._next - 1, loop.time()
        os.fdatasync(self._fd)
        self._synced = upto
        self._sync_s = 0.8 * self._sync_s + 0.2 * (loop.time() - began)

    def _sync_in_thread(self) -> None:
        self.flush()
        loop = asyncio.get_running_loop()
        self._syncing = True
        upto, began = self._next - 1, loop.time()
        done = loop.run_in_executor(None, os.fdatasync, self._fd)

        def finish(result: asyncio.Future[None]) -> None:
            self._syncing = False
            error = result.exception()
            if isinstance(error, OSError):
                self._error = error
            else:
                self._synced = max(self._synced, upto)
                self._sync_s = 0.8 * self._sync_s + 0.2 * (loop.time() - began)
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
            os.fdatasync(self._fd)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self.on_close is not None:
            self.on_close()


class _Number(msgspec.Struct):
    n: int


def _last_record(path: Path) -> tuple[tuple[int, bytes] | None, int]:
    """Return number and hash of the last whole record, after cutting off a half-written line."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _TAIL_BYTES)
        while True:
            file.seek(start)
            tail = file.read(size - start)
            end = tail.rfind(b"\n")
            before = tail.rfind(b"\n", 0, end) if end > 0 else -1
            if (end >= 0 and before >= 0) or start == 0:
                break
            start = max(0, start - _TAIL_BYTES)
        torn = len(tail) - (end + 1)
        if torn:
            file.truncate(size - torn)
        if end < 0:
            return None, torn
        line = tail[before + 1 : end + 1]
        try:
            parts = read_line(line)
            return (msgspec.json.decode(parts.record, type=_Number).n, parts.digest), torn
        except (BadLine, msgspec.DecodeError) as error:
            raise OSError(
                f"the log {path} does not end in a record ({error}); move it away to begin anew"
            ) from None
