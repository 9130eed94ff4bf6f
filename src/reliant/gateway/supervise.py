"""Watches the workers of a gateway: hands signals on, starts anew those that die.

It is a program of its own, run by its path. The process that forked the workers becomes
it (`forking`), for what it had loaded would take as much memory as half a worker. So it
imports only what a bare interpreter has anyway, and nothing of reliant.

Signals only leave their number in a pipe; everything is decided in one loop that
reads it. So no signal can come between two steps: one that arrives while a worker
starts reaches that worker, and after a signal to stop none is started.
A worker that has not stopped in time is killed, and a worker whose watcher is gone
stops by itself.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

STOP_S = 5.0
"""How long a worker may take to close log and store, after its requests had their time."""

CRASH = 1
MISTAKE = 2

_RESTART_S = 1.0
_LONGEST_RESTART_S = 30.0
_LIVED_S = 10.0
"""A worker that served so long is started anew at once; one that did not waits longer each time."""

_STOPPED = frozenset({0, -signal.SIGTERM, -signal.SIGINT})
"""How a worker ends that was told to: by itself, or before it could hear."""

HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TOLD = (*HANDED_ON, signal.SIGCHLD)
"""Blocked from before the first worker is forked until the loop can hear them."""


class _Slot:
    """The place of one worker; its process changes."""

    def __init__(self, number: int, pid: int, since: float) -> None:
        self.number = number
        self.pid = pid
        self.since = since
        self.due = 0.0
        self.fell = 0
        self.restarts = 0


class Supervisor:
    """Watches the workers that have the process ids `pids`; 0 where one could not be started."""

    def __init__(
        self,
        pids: Sequence[int],
        command: Sequence[str],
        drain_s: float,
        say: Callable[[str], None],
        steady: Callable[[], float],
    ) -> None:
        """Prepare to watch.

        Args:
            pids: Of the workers, in the order of their numbers.
            command: Starts a worker anew, once its number is appended to the last word.
                It begins with SIGTERM, SIGINT and SIGHUP blocked, until it can hear them.
            drain_s: How long requests in flight have, once told to stop.
            say: Prints a line for the operator.
            steady: Seconds that never go back.
        """
        self.command = tuple(command)
        self.drain_s = drain_s
        self.say = say
        self.steady = steady
        self._slots = [_Slot(number, pid, steady()) for number, pid in enumerate(pids)]
        self._kill_at: float | None = None
        self._code = 0

    def run(self) -> int:
        """Watch until all have stopped; return the exit code."""
        told, wakeup = os.pipe()
        os.set_blocking(told, False)
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for one in TOLD:
            signal.signal(one, _nothing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TOLD)
        self._reap()  # one may have ended before this could hear of it
        while True:
            if self._kill_at is None:
                for slot in self._slots:
                    if not slot.pid and self.steady() >= slot.due:
                        self._start(slot)
            elif not any(slot.pid for slot in self._slots):
                return self._code
            select.select([told], [], [], self._pause())
            for number in _read(told):
                if number in HANDED_ON:
                    self._hand_on(number)
            self._reap()
            self._kill_late()

    def _pause(self) -> float | None:
        """Return the seconds until something is due; None if nothing is."""
        if self._kill_at is not None:
            return max(0.0, self._kill_at - self.steady())
        waiting = [slot.due for slot in self._slots if not slot.pid]
        return max(0.0, min(waiting) - self.steady()) if waiting else None

    def _start(self, slot: _Slot) -> None:
        """Start a worker anew, as a program of its own."""
        *command, last = self.command
        words = [*command, f"{last}{slot.number}"]
        try:
            slot.pid = os.posix_spawn(words[0], words, os.environ, setsigmask=HANDED_ON)
        except OSError as error:
            slot.due = self.steady() + _RESTART_S
            self.say(f"worker {slot.number} cannot be started: {error}")
            return
        slot.since = self.steady()

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
        if code == MISTAKE and not slot.restarts:
            # The first of its line could not even begin, and said why: the next could not either.
            self._code = MISTAKE
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


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Let the number go into the pipe; the loop acts on it."""


def _read(told: int) -> bytes:
    try:
        return os.read(told, 4_096)
    except BlockingIOError:
        return b""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(words: Sequence[str]) -> int:
    """Watch as `words` say: seconds to drain, an open file, process ids, and the command of a worker.

    The file is the end of a pipe that closes with this process: so workers see that it is gone.
    """
    drain_s, mine, pids, *command = words
    os.set_inheritable(int(mine), False)
    watched = [int(pid) for pid in pids.split(",")]
    return Supervisor(watched, command, float(drain_s), _say, time.monotonic).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
