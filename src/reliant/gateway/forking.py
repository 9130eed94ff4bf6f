"""Serves in several processes: forks the workers from what is loaded, then watches them.

What a worker only reads stays one copy for all of them. The process that forked them
has no more use for it, and would keep a copy of every page that a worker writes to: so
it becomes the program `supervise`, with the same process id and the same children.
A worker that dies later is started as a program of its own, which loads everything anew.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, NoReturn

from reliant import atlas
from reliant.errors import ReliantError, TargetError, UsageError
from reliant.gateway import supervise
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.config import Config, parse_config, with_start_of
from reliant.gateway.process import Watch, run_worker
from reliant.gateway.runtime import Runtime
from reliant.gateway.worker import Settings, free_memory_trimmer, load

_ANY_MODEL = "a-model"


class _Handed(NamedTuple):
    """What a worker that is started anew is handed, as words of its command line.

    Attributes:
        socket: The open port.
        alive: A file that becomes readable once the watcher is gone.
        begun: A file with the configuration that the gateway began with.
        number: Of the worker.
    """

    socket: int
    alive: int
    begun: int
    number: int


def serve_forked(
    settings: Settings, config: Config, text: bytes, knowledge: Knowledge, sock: socket.socket
) -> int:
    """Serve `config`, which was read from `text`, in several processes; return the exit code."""
    runtime = _share(settings, config, knowledge)
    parent = os.getpid()
    alive, mine = os.pipe()
    # What comes before who is told can hear it waits there.
    signal.pthread_sigmask(signal.SIG_BLOCK, supervise.TOLD)
    pids = []
    for number in range(config.listen.workers):
        try:
            pid = os.fork()
        except OSError as error:
            settings.say(f"worker {number} cannot be started: {error}")
            pid = 0
        else:
            if pid == 0:
                os.close(mine)
                watch = Watch(parent, alive)
                work = partial(
                    run_worker, settings, config, knowledge, number, sock, watch=watch, runtime=runtime
                )
                _ended(settings, number, work)
        pids.append(pid)
    begun = _kept(text)
    for handle in (sock.fileno(), alive, mine, begun):
        os.set_inheritable(handle, True)
    *command, last = settings.again
    handed = f"{last}{sock.fileno()},{alive},{begun},"
    drain_s = str(math.ceil(config.limits.drain_s))
    words = [drain_s, str(mine), ",".join(map(str, pids)), *command, handed]
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError, ValueError):
        os.execv(  # noqa: S606 - there is nothing in these words that a shell should read
            sys.executable, [sys.executable, "-I", "-S", supervise.__file__, *words]
        )
    return supervise.main(words)  # it takes more memory this way, and no more than that


def serve_again(settings: Settings, handed: str) -> NoReturn:
    """Serve as a worker in the place of one that died; never returns.

    The configuration is what the file says now; where that is wrong, the one the gateway began with.

    Raises:
        UsageError: It was not started by the process that watches workers.
    """
    try:
        given = _Handed(*map(int, handed.split(",")))
        os.fstat(given.begun)
    except (ValueError, TypeError, OSError):
        raise UsageError(
            "--worker is how a gateway starts its workers anew", hint="Say how many there are in the file."
        ) from None

    def work() -> int:
        knowledge = Knowledge(atlas.load())
        config = _newest(settings, knowledge, given.begun)
        watch = Watch(os.getppid(), given.alive)
        with socket.socket(fileno=given.socket) as sock:
            return run_worker(settings, config, knowledge, given.number, sock, watch=watch)

    _ended(settings, given.number, work)


def _ended(settings: Settings, number: int, work: Callable[[], int]) -> NoReturn:
    """Do a worker's work, and end its process; why it failed is said: the process has no other witness."""
    code = supervise.CRASH
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        code = work()
    except ReliantError as error:
        # A database that is away comes back; a configuration stays wrong.
        code = supervise.CRASH if isinstance(error, TargetError) else supervise.MISTAKE
        settings.say(f"error: worker {number}: {error}")
        if error.hint:
            settings.say(error.hint)
    except BaseException:  # whatever ends a worker
        settings.say(f"worker {number} failed:\n{traceback.format_exc().rstrip()}")
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)


def _share(settings: Settings, config: Config, knowledge: Knowledge) -> Runtime:
    """Load before the workers are forked what all of them need, so that they have it in common.

    What a worker only reads stays one copy (tables of places, certificates, rulings);
    looking for garbage would write to all of it.
    """
    import uvloop  # noqa: F401, PLC0415

    from reliant.gateway.http import connection, listen  # noqa: F401, PLC0415
    from reliant.gateway.operate import merged  # noqa: F401, PLC0415

    if not (config.store.url or config.store.url_env):
        from reliant.gateway.state import sqlite  # noqa: F401, PLC0415
    free_memory_trimmer()
    runtime = Runtime(config, knowledge, settings.clock, settings.env)
    for caller in runtime.keys.callers[:1]:
        for upstream in runtime.targets:
            # The first question makes the indexes that all questions use.
            runtime.admission.ruling(caller, upstream, _ANY_MODEL, caller.country)
    gc.collect()
    gc.freeze()
    return runtime


def _kept(text: bytes) -> int:
    """Return an open file that holds `text` and has no name: it holds secrets."""
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.flush()
        return os.dup(file.fileno())


def _newest(settings: Settings, knowledge: Knowledge, begun: int) -> Config:
    """Return the configuration as the file has it now; where that is wrong, the one in the file `begun`."""
    text = os.pread(begun, os.fstat(begun).st_size, 0).decode("utf-8-sig")
    before = parse_config(text, settings.path, settings.env)
    try:
        return with_start_of(load(settings, knowledge), before)[0]
    except (ReliantError, OSError) as error:
        settings.say(f"the configuration before stays in force: {error}")
        return before
