"""Brings what a chain has written to the disk, and lets those wait who need it there.

The disk follows within a twentieth of a second; with durability `disk` an answer waits
for it. One `fdatasync` serves all that wait, and it runs while the provider is thinking.
A head is published once the disk has what it names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING

from reliant.gateway.audit.heads import Head, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from reliant.gateway.audit.writer import ChainWriter

_FAST_SYNC_S = 0.0005
"""A disk this fast is waited for on the spot: a thread would cost more."""

BEHIND_S = 0.05
"""How far the disk may be behind where no answer waits for it."""


class Disk:
    """What the disk has of one chain.

    Attributes:
        has_until: The number of the last record that is surely there.
        busy: Whether it is being written to by a thread.
        unpublished: The newest head that is not published yet.
    """

    def __init__(self, chain: ChainWriter, now: Callable[[], float]) -> None:
        self._chain = chain
        self._now = now
        self.has_until = -1
        self.busy = False
        self.unpublished: Head | None = None
        self._publishing = False
        self._published = -1
        self._lock = threading.Lock()
        self._takes_s = 0.001
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def _behind(self) -> bool:
        return self.has_until < self._chain.next_number - 1

    def start(self, *, alone: bool) -> None:
        """Begin bringing what is written to the disk, without waiting for it.

        With a fast disk and nobody else to serve (`alone`) that is done on the spot,
        but first what this turn of the loop sends goes out: so the disk works while
        the provider does. With others to serve, one sync for all of them comes later.
        """
        if self.busy or not self._behind:
            return
        if self._takes_s > _FAST_SYNC_S:
            self._in_thread()
        elif alone:
            asyncio.get_running_loop().call_soon(self._meanwhile)

    def _meanwhile(self) -> None:
        chain = self._chain
        if not self.busy and chain.error is None and not chain.pending and self._behind:
            with contextlib.suppress(OSError):  # who needs it on the disk asks again, and is told
                self._here()

    def has(self, number: int) -> bool:
        """Say whether the disk has a record; a fast disk is waited for.

        Raises:
            OSError: The disk refused.
        """
        if self.has_until >= number:
            return True
        self._chain.flush_or_fail()
        if self.busy or self._waiting or self._takes_s > _FAST_SYNC_S:
            return False
        self._here()
        return True

    async def wait_for(self, number: int) -> None:
        """Return once the disk has a record.

        Raises:
            OSError: The disk refused.
        """
        if self.has(number):
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, waiter))
        if not self.busy:
            self._in_thread()
        await waiter

    async def follow(self) -> None:
        """Bring what is written to the disk, again and again, and see that it stays where it is."""
        chain, loop = self._chain, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(BEHIND_S)
            if chain.fd < 0:
                continue
            chain.look(loop.time())
            if chain.error is not None:
                continue
            if self.unpublished is not None and self.unpublished.n <= self.has_until and not self._publishing:
                self._publish_in_thread()
            if not self.busy and self._behind:
                self._in_thread()

    def settle(self) -> None:
        """Return once the disk has all that was written, and the newest head is published.

        Raises:
            OSError: It cannot be written.
        """
        self._here()
        head = self.unpublished
        if head is not None:
            self._publish(head)
            self.unpublished = None

    def forget_after(self, number: int) -> None:
        """Know no more of records after this one: they are gone."""
        self.has_until = min(self.has_until, number)
        self.unpublished = None

    def _here(self) -> None:
        upto = self._chain.next_number - 1
        self._reached(upto, self._sync(self._chain.fd))

    def _sync(self, file: int) -> float:
        """Bring a file to the disk; return how long that took. The loop's clock stands still meanwhile."""
        began = self._now()
        os.fdatasync(file)
        return self._now() - began

    def _reached(self, number: int, seconds: float) -> None:
        self.has_until = max(self.has_until, number)
        self._takes_s = 0.8 * self._takes_s + 0.2 * seconds

    def _in_thread(self) -> None:
        self._chain.flush()
        self.busy = True
        upto = self._chain.next_number - 1
        done = asyncio.get_running_loop().run_in_executor(None, self._sync, self._chain.fd)

        def finish(result: asyncio.Future[float]) -> None:
            self.busy = False
            error = result.exception()
            if isinstance(error, OSError):
                self._chain.error = error
            else:
                self._reached(upto, result.result())
            self._tell(error)
            if self._chain.error is None:
                try:
                    self._chain.roll_if_due()
                except OSError as failed:
                    self._chain.error = failed
            if self._waiting:
                self._in_thread()

        done.add_done_callback(finish)

    def _tell(self, error: BaseException | None) -> None:
        """Let those go on whose record the disk has; all of them if it never will."""
        still = []
        for number, waiter in self._waiting:
            if waiter.done():
                continue
            if error is not None:
                waiter.set_exception(error)
            elif number <= self.has_until:
                waiter.set_result(None)
            else:
                still.append((number, waiter))
        self._waiting = still

    def _publish(self, head: Head) -> None:
        """Publish a head, but never in the place of a newer one."""
        with self._lock:
            if head.n > self._published:
                publish(self._chain.folder, head)
                self._published = head.n

    def _publish_in_thread(self) -> None:
        head = self.unpublished
        assert head is not None
        self._publishing = True
        done = asyncio.get_running_loop().run_in_executor(None, self._publish, head)

        def finish(result: asyncio.Future[None]) -> None:
            self._publishing = False
            if result.exception() is None and self.unpublished is head:
                self.unpublished = None  # else it is tried again the next time

        done.add_done_callback(finish)
