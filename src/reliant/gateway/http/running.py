"""Runs what serves a request, and makes a task of it only where one is needed.

Nearly every request waits once: for its provider. A task, a future and the turns of
the loop between them would cost more than the request's own work. So a request begins
within the call that brought its last byte, and goes on within the call that brought
the provider's answer. Where it has to wait for anything else it becomes a task, and
stays one.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Protocol


class Teller:
    """Something that one at a time waits for; whoever has the news calls `tell_now`."""

    __slots__ = ("tell",)

    def __init__(self) -> None:
        self.tell: Callable[[], None] | None = None

    def tell_now(self) -> None:
        """Let who waits go on."""
        tell, self.tell = self.tell, None
        if tell is not None:
            tell()


class Served(Protocol):
    """A request that waits for something, and can be stopped."""

    def cancel(self) -> None:
        """Stop it."""

    def uncancel(self) -> None:
        """Note that it goes on although it was cancelled."""


@types.coroutine
def told(teller: Teller, loop: asyncio.AbstractEventLoop) -> Generator[object, None, None]:
    """Wait for what `teller` tells next."""
    try:
        if asyncio.current_task(loop) is None:
            yield teller
        else:
            future = loop.create_future()
            teller.tell = partial(_settle, future)
            yield from future
    finally:
        teller.tell = None


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


@types.coroutine
def as_task() -> Generator[None, None, None]:
    """Go on as a task: for libraries that ask which task they run in."""
    if asyncio.current_task() is None:
        yield None


class Running(Coroutine[Any, None, None]):
    """One request being served.

    Attributes:
        task: Set once it has become one.
        over: Whether it has ended.
    """

    __slots__ = ("_ended", "_first", "_loop", "_waiting", "_work", "over", "task")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, None, None],
        ended: Callable[[BaseException | None], None],
        waiting: set[Served],
    ) -> None:
        """Make ready; `ended` gets what went wrong, or None; `waiting` has it while it waits."""
        self._loop = loop
        self._work = work
        self._ended = ended
        self._waiting = waiting
        self._first: object = None
        self.task: asyncio.Task[None] | None = None
        self.over = False

    def step(self) -> None:
        """Go on until it must wait, or has ended."""
        try:
            waits_for = self._work.send(None)
        except StopIteration:
            self._end(None)
        except (Exception, asyncio.CancelledError) as error:
            self._end(error)
        else:
            self._wait(waits_for)

    def cancel(self) -> None:
        """Stop it; it may still do what must be done at the end."""
        if self.task is not None:
            self.task.cancel()
        else:
            self._loop.call_soon(self._stop)

    def _stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
        elif not self.over:
            try:
                waits_for = self._work.throw(asyncio.CancelledError())
            except StopIteration:
                self._end(None)
            except (Exception, asyncio.CancelledError) as error:
                self._end(error)
            else:
                self._wait(waits_for)

    def uncancel(self) -> None:
        """Note that it goes on although it was cancelled."""
        if self.task is not None:
            self.task.uncancel()

    def _wait(self, waits_for: object) -> None:
        self._waiting.add(self)
        if isinstance(waits_for, Teller):
            waits_for.tell = self.step
        else:
            self._first = waits_for
            self.task = self._loop.create_task(self)

    def _end(self, error: BaseException | None) -> None:
        self.over = True
        self._waiting.discard(self)
        ended = self._ended
        del self._ended  # it holds who holds this: without it both go at once
        ended(error)

    # what a task asks of a coroutine
    def send(self, value: None) -> Any:
        """Go on, as part of a task."""
        return self._in_task(self._work.send, value)

    def throw(self, *error: Any) -> Any:
        """Fail where it waits, as part of a task."""
        self._first = None
        return self._in_task(
            self._work.throw, error[-1] if isinstance(error[-1], BaseException) else error[0]
        )

    def _in_task(self, how: Callable[[Any], object], what: object) -> object:
        first, self._first = self._first, None
        if first is not None:
            return first
        try:
            return how(what)
        except StopIteration:
            self._end(None)
            raise
        except (Exception, asyncio.CancelledError) as error:
            self._end(error)
            raise StopIteration from None

    def close(self) -> None:
        """Give it up."""
        self._work.close()

    def __await__(self) -> Generator[Any, None, None]:
        """Refuse: only its task waits for it."""
        raise TypeError("a running request is not awaited")
