"""Watches the workers of a gateway: forks them, hands signals on, starts anew those that die.

Signals only leave their number in a pipe; everything is decided in one loop that
reads it. So no signal can come between two steps: one that arrives while a worker
starts reaches that worker, and after a signal to stop none is started.
A worker that has not stopped in time is killed, and a worker whose watcher is gone
stops by itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from reliant.errors import ReliantError, TargetError

STOP_S = 5.0
"""How long a worker may take to close log and store, after its requests had their time."""

_RESTART_S = 1.0
_LONGEST_RESTART_S = 30.0
_LIVED_S = 10.0
"""A worker that served so long is started anew at once; one that did not waits longer each time."""

_MISTAKE = 2
_CRASH = 1
_STOPPED = frozenset({0, -signal.SIGTERM, -signal.SIGINT})
"""How a worker ends that was told to: by itself, or before it could hear."""

_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_TOLD = (*_HANDED_ON, signal.SIGCHLD)


@dataclass
class _Slot:
    """The place of one worker; its process changes."""

    number: int
    pid: int = 0
    since: float = 0.0
    due: float = 0.0
    fell: int = 0
    restarts: int = 0


@dataclass
class Supervisor:
    """Runs `work(number, alive)` in as many processes as there are workers.

    Attributes:
        workers: How many.
        work: Serves in a child until told to stop; returns its exit code. `alive`
            becomes readable once the supervisor is gone. SIGHUP is blocked until
            the worker can hear it.
        drain_s: How long requests in flight have, once told to stop.
        say: Prints a line for the operator.
        steady: Seconds that never go back.
    """

    workers: int
    work: Callable[[int, int], int]
    drain_s: float
    say: Callable[[str], None]
    steady: Callable[[], float]
    _slots: list[_Slot] = field(default_factory=list)
    _kill_at: float | None = None
    _code: int = 0

    def run(self) -> int:
        """Watch until all have stopped; return the exit code."""
        self._slots = [_Slot(number) for number in range(self.workers)]
        with _told() as (told, wakeup), _pipe() as (alive, mine):
            child_closes = (told, wakeup, mine)
            while True:
                if self._kill_at is None:
                    for slot in self._slots:
                        if not slot.pid and self.steady() >= slot.due:
                            self._start(slot, alive, child_closes)
                elif not any(slot.pid for slot in self._slots):
                    return self._code
                select.select([told], [], [], self._pause())
                for number in _read(told):
                    if number in _HANDED_ON:
                        self._hand_on(number)
                self._reap()
                self._kill_late()

    def _pause(self) -> float | None:
        """Return the seconds until something is due; None if nothing is."""
        if self._kill_at is not None:
            return max(0.0, self._kill_at - self.steady())
        waiting = [slot.due for slot in self._slots if not slot.pid]
        return max(0.0, min(waiting) - self.steady()) if waiting else None

    def _start(self, slot: _Slot, alive: int, child_closes: tuple[int, ...]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        # What comes before the child can hear it waits there.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            slot.due = self.steady() + _RESTART_S
            self.say(f"worker {slot.number} cannot be started: {error}")
            return
        if pid == 0:
            self._child(slot.number, alive, child_closes)
        slot.pid, slot.since = pid, self.steady()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _child(self, number: int, alive: int, closes: tuple[int, ...]) -> None:
        code = _CRASH
        try:
            signal.set_wakeup_fd(-1)
            for one in _TOLD:
                signal.signal(one, signal.SIG_DFL)
            for handle in closes:
                os.close(handle)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
            code = self.work(number, alive)
        except ReliantError as error:
            # A database that is away comes back; a configuration stays wrong.
            code = _CRASH if isinstance(error, TargetError) else _MISTAKE
            self.say(f"error: worker {number}: {error}")
            if error.hint:
                self.say(error.hint)
        except BaseException:  # whatever ends a worker is said: the process has no other witness
            self.say(f"worker {number} failed:\n{traceback.format_exc().rstrip()}")
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(code)

    def _hand_on(self, number: int) -> None:
        if number != signal.SIGHUP and self._kill_at is None:
            self._kill_at = self.steady() + self.drain_s + STOP_S
        for slot in self._slots:
            if slot.pid:
                os.kill(slot.pid, number)

    def _reap(self) -> None:
        for slot in self._slots:
            if not slot.pid:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            if pid == 0:
                continue
            slot.pid = 0
            code = os.waitstatus_to_exitcode(status)
            if self._kill_at is None:
                self._fell(slot, code)
            elif code not in _STOPPED:
                self.say(f"worker {slot.number} ended with {code}")

    def _fell(self, slot: _Slot, code: int) -> None:
        """Decide what follows when a worker ended that nobody told to."""
        lived = self.steady() - slot.since
        if code == _MISTAKE and not slot.restarts:
            # The first of its line could not even begin, and said why: the next could not either.
            self._code = _MISTAKE
            self._hand_on(signal.SIGTERM)
            return
        slot.fell = 0 if lived >= _LIVED_S else slot.fell + 1
        wait = min(_LONGEST_RESTART_S, _RESTART_S * 2 ** max(0, slot.fell - 1))
        slot.due = self.steady() + wait
        slot.restarts += 1
        self.say(f"worker {slot.number} ended with {code}; starting it anew")

    def _kill_late(self) -> None:
        if self._kill_at is None or self.steady() < self._kill_at:
            return
        for slot in self._slots:
            if slot.pid:
                self.say(f"worker {slot.number} did not stop in time; it is killed")
                os.kill(slot.pid, signal.SIGKILL)
                os.waitpid(slot.pid, 0)
                slot.pid = 0


@contextlib.contextmanager
def _told() -> Iterator[tuple[int, int]]:
    """Give both ends of a pipe that gets the number of each signal."""
    with _pipe() as (told, wakeup):
        os.set_blocking(told, False)
        os.set_blocking(wakeup, False)
        before = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        handlers = {one: signal.signal(one, _nothing) for one in _TOLD}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD)
        try:
            yield told, wakeup
        finally:
            for one, handler in handlers.items():
                signal.signal(one, handler)
            signal.set_wakeup_fd(before)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    try:
        yield read, write
    finally:
        os.close(read)
        os.close(write)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Let the number go into the pipe; the loop acts on it."""


def _read(told: int) -> bytes:
    try:
        return os.read(told, 4_096)
    except BlockingIOError:
        return b""
