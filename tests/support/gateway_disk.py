"""What a gateway does to its log's files, as the kernel saw it, and what a loss of power leaves of that.

A disk promises little: what a finished `fdatasync` or `fsync` covers is there. Of what was
written since, any blocks may be there and the others read as zeros or are beyond the end;
a name that was made or changed may or may not be, until its folder was synced.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

_CALLS = "openat,write,pwrite64,writev,sendto,sendmsg,fdatasync,fsync,rename,renameat,renameat2,ftruncate"
_BLOCK = 512

_LINE = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)\Z")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)\Z")
_CALL = re.compile(r"(?P<name>\w+)\((?P<given>.*)\) += (?P<result>-?\d+)")
_FILE = re.compile(r"\d+<(?P<path>[^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_ID = re.compile(rb"x-reliant-request-id: ([\w-]+)")


def under_strace(trace: Path) -> list[str]:
    """Return the words before a command that make the kernel's view of it be written to `trace`."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    if subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not watch processes on this machine")
    return [strace, "-f", "-yy", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={_CALLS}"]


class Call(NamedTuple):
    """One call of the kernel, or the end of one that took time (`ended`)."""

    name: str
    pid: int
    path: str
    data: bytes
    other: str
    ended: bool


def _unescaped(text: str) -> bytes:
    return b"".join(bytes.fromhex(found.replace("\\x", "")) for found in _TEXT.findall(text))


def _path(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode() if text.startswith("\\x") else text


def calls(trace: Path) -> Iterator[Call]:
    """Yield what was called: as it began, and as it ended."""
    begun: dict[int, str] = {}
    for line in trace.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        pid, rest = int(match["pid"]), match["rest"]
        resumed = _RESUMED.match(rest)
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>").rstrip()
            yield from _call(pid, begun[pid] + ") = 0", ended=False)
        elif resumed is not None:
            yield from _call(pid, begun.pop(pid, "") + resumed["rest"], ended=True)
        else:
            yield from _call(pid, rest, ended=False)
            yield from _call(pid, rest, ended=True)


def _call(pid: int, text: str, *, ended: bool) -> Iterator[Call]:
    match = _CALL.match(text)
    if match is None or match["result"].startswith("-"):
        return
    given = match["given"]
    if match["name"] == "openat":
        names = [_unescaped(f'"{found}"').decode() for found in _TEXT.findall(given)]
        yield Call("openat", pid, names[0], b"", given.rpartition('"')[2], ended)
    elif match["name"].startswith("rename"):
        old, new = (_unescaped(f'"{found}"').decode() for found in _TEXT.findall(given))
        yield Call("rename", pid, old, b"", new, ended)
    else:
        file = _FILE.match(given)
        if file is not None:
            rest = given[file.end() :]
            yield Call(match["name"], pid, _path(file["path"]), _unescaped(rest), rest.lstrip(", "), ended)


@dataclass
class _File:
    """A file: what was written, and how much of it a finished sync covers."""

    data: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    syncing: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Disk:
    """The files below a folder, and what of them is safe.

    Attributes:
        names: What there is, for who asks the running system.
        safe_names: What there is after a loss of power, whatever else.
        answered: The ids of the requests whose answer has begun to go out.
    """

    folder: str
    names: dict[str, _File] = field(default_factory=dict)
    safe_names: dict[str, _File] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    def do(self, call: Call) -> bool:
        """Take a call into account; say whether anything changed that matters."""
        if call.path.startswith("TCP:"):
            found = _ID.findall(call.data) if not call.ended else []
            self.answered |= {one.decode() for one in found}
            return bool(found)
        if not call.path.startswith(self.folder):
            return False
        if call.name in {"fsync", "fdatasync"}:
            return self._sync(call)
        if call.ended:
            return False
        if call.name == "openat":
            if "O_CREAT" in call.other:
                self.names.setdefault(call.path, _File())
            if "O_TRUNC" in call.other:
                # Drafts only: nobody reads one that has no name yet.
                self.names[call.path] = _File()
        elif call.name == "rename":
            self.names[call.other] = self.names.pop(call.path)
        elif call.name == "ftruncate":
            del self.names[call.path].data[int(call.other) :]
        elif call.path in self.names:
            self.names[call.path].data += call.data
        return True

    def _sync(self, call: Call) -> bool:
        if call.path == self.folder or call.path not in self.names:
            if call.ended:
                below = {
                    name for name in {*self.names, *self.safe_names} if Path(name).parent == Path(call.path)
                }
                for name in below:
                    if name in self.names:
                        self.safe_names[name] = self.names[name]
                    else:
                        del self.safe_names[name]
            return call.ended
        file = self.names[call.path]
        if not call.ended:
            file.syncing[call.pid] = bytes(file.data)
        else:
            file.safe = max(file.safe, file.syncing.pop(call.pid, b""), key=len)
        return call.ended

    def left(self, chance: random.Random) -> dict[str, bytes]:
        """Return what may be there after a loss of power: one of many ways."""
        found: dict[str, bytes] = {}
        for name in {*self.names, *self.safe_names}:
            file = chance.choice([self.names.get(name), self.safe_names.get(name)])
            if file is not None:
                found[name] = _some_of(file, chance)
        return found

    def all(self) -> dict[str, bytes]:
        """Return what is there after the process was killed."""
        return {name: bytes(file.data) for name, file in self.names.items()}


def _some_of(file: _File, chance: random.Random) -> bytes:
    """Return the safe part of a file, and any blocks of what follows."""
    safe, whole = len(file.safe), len(file.data)
    end = chance.choice([safe, whole, chance.randint(min(safe, whole), whole)])
    left = bytearray(file.data[:end])
    for block in range(safe // _BLOCK, end // _BLOCK + 1):
        if chance.random() < chance.choice([0.0, 0.3]):
            first, last = max(safe, block * _BLOCK), min(end, (block + 1) * _BLOCK)
            left[first:last] = bytes(max(0, last - first))
    return bytes(left)
