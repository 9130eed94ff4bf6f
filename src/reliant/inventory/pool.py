"""Deals files to processes, largest first, in chunks that are worth sending.

A worker that dies takes no other file with it: the files of its chunk are read again, each in a
process of its own, and the one that ends it is noted.
"""

from __future__ import annotations

import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from reliant.inventory.engine import Scanner, Seen
from reliant.inventory.scopes import scope_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reliant.targets.file import File

_CHUNK_BYTES = 1_500_000
_CHUNK_FILES = 200

_worker_scanner: Scanner | None = None


def _start(scanner: Scanner) -> None:
    global _worker_scanner  # noqa: PLW0603 - one scanner per worker process
    _worker_scanner = scanner
    gc.freeze()  # what the parent made stays: walking it would copy its memory into every worker


def _chunk(files: list[File]) -> list[Seen]:
    if _worker_scanner is None:
        raise RuntimeError("the worker was not started")
    return list(_worker_scanner.look_at(files))


def in_pool(files: list[File], scanner: Scanner, count: int) -> Iterator[Seen]:
    """Yield what `files` give, looked at by `count` processes; a file that ends its process is noted."""
    chunks = list(_chunks(files))
    _ = scanner.prefilter  # built once; forked workers inherit it
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    context = multiprocessing.get_context(method)
    unread: list[list[File]] = []
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start, initargs=(scanner,)) as pool:
        futures = [(chunk, pool.submit(_chunk, chunk)) for chunk in chunks]
        for chunk, future in futures:
            try:
                yield from future.result()
            except BrokenProcessPool:
                unread.append(chunk)
    for chunk in unread:
        yield from _one_by_one(chunk, scanner, context)


def _one_by_one(files: list[File], scanner: Scanner, context: Any) -> Iterator[Seen]:
    """Read the files of a chunk that killed its worker, each in a process of its own."""
    for file in files:
        with ProcessPoolExecutor(1, mp_context=context, initializer=_start, initargs=(scanner,)) as pool:
            try:
                yield from pool.submit(_chunk, [file]).result()
            except BrokenProcessPool:
                yield Seen(file.path, scope_of(file.path), (), failed=("reading it ended the process",))


def _chunks(files: Iterable[File]) -> Iterator[list[File]]:
    chunk: list[File] = []
    size = 0
    for file in sorted(files, key=lambda file: -file.size):
        chunk.append(file)
        size += min(file.size, 4_000_000)
        if size >= _CHUNK_BYTES or len(chunk) >= _CHUNK_FILES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
