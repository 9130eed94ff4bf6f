"""Read one revision of a git repository: objects only, no checkout.

Nothing that a repository can configure is run: no hook, no filter, no file-system
monitor, no credential helper of its own, no submodule, and no missing object is
fetched. Files are read as they are stored, so a file kept by git-lfs is its pointer.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import IO, TYPE_CHECKING, cast

from reliant.errors import TargetError
from reliant.targets.file import File, Skipped, shown
from reliant.targets.unpack import Writer
from reliant.targets.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from reliant.targets.limits import Limits

_QUIET = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.pager=cat",
    "-c", "protocol.ext.allow=never",
    "-c", "submodule.recurse=false",
    "-c", "filter.lfs.smudge=",
    "-c", "filter.lfs.process=",
    "-c", "filter.lfs.required=false",
)  # fmt: skip
_NO_FETCH = ("-c", "protocol.allow=never")
_LINK, _SUBMODULE = "120000", "160000"


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        **given,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
    }


def run(
    arguments: list[str], limits: Limits, environment: Mapping[str, str], *, network: bool = False
) -> bytes:
    """Return what a git command prints.

    Raises:
        MissingExtra: There is no git.
        TargetError: Git said no, or took too long; the message is git's own last line.
    """
    command = ["git", *_QUIET, *(() if network else _NO_FETCH), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 (a fixed program; arguments are never read by a shell)
            command,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise TargetError("git is not installed", hint="Install git, or name a folder.") from error
    except subprocess.TimeoutExpired as error:
        raise TargetError(f"git took longer than {limits.seconds} s", hint="Clone it yourself.") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise TargetError(f"git: {said[-1]}", hint="Check the name of the repository and of the revision.")
    return done.stdout


def resolve(repository: Path, revision: str, limits: Limits, environment: Mapping[str, str]) -> str:
    """Return the commit that `revision` names.

    Raises:
        TargetError: There is no such revision.
    """
    wanted = f"{revision}^{{commit}}"
    found = run(
        ["-C", str(repository), "rev-parse", "--verify", "--quiet", "--end-of-options", wanted],
        limits,
        environment,
    )
    return found.decode().strip().splitlines()[-1]


def export(
    repository: Path,
    revision: str,
    folder: Path,
    *,
    limits: Limits,
    skipped: Skipped,
    environment: Mapping[str, str],
) -> str:
    """Write the files of `revision` below `folder` and return the commit.

    Raises:
        TargetError: There is no such revision, or its files are more than the limits allow.
    """
    commit = resolve(repository, revision, limits, environment)
    writer = Writer(folder, limits.unpacked_bytes, limits, skipped, f"{repository}@{revision}")
    wanted: list[tuple[str, bytes]] = []
    listed = run(["-C", str(repository), "ls-tree", "-r", "-z", "--full-tree", commit], limits, environment)
    for mode, name, blob in _tree(listed):
        writer.count()
        path = os.fsdecode(name)
        if mode == _SUBMODULE:
            skipped.add(shown(path), "submodule, not fetched")
        elif mode == _LINK:
            skipped.add(shown(path), "symbolic link, not followed")
        else:
            wanted.append((path, blob))
    _write(repository, wanted, writer, environment)
    return commit


def _tree(listed: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield mode, name and object of each line of `git ls-tree -r -z`."""
    for line in listed.split(b"\x00"):
        head, _, name = line.partition(b"\t")
        if name:
            mode, _, blob = head.split(b" ")
            yield mode.decode(), name, blob


class _Part:
    """The next `size` bytes of a stream."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def _write(
    repository: Path, wanted: list[tuple[str, bytes]], writer: Writer, environment: Mapping[str, str]
) -> None:
    # One object is asked for and read before the next: neither pipe can fill up.
    with subprocess.Popen(  # noqa: S603
        ["git", *_QUIET, *_NO_FETCH, "-C", str(repository), "cat-file", "--batch"],  # noqa: S607
        env=_environment(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        asked, answered = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            for path, blob in wanted:
                asked.write(blob + b"\n")
                asked.flush()
                head = answered.readline().split()
                if len(head) != 3:
                    raise TargetError(
                        f"git: the object of {shown(path)} is missing",
                        hint="The repository is a partial or broken clone: fetch it whole.",
                    )
                writer.write(path, _Part(answered, int(head[2])))
                answered.read(1)
        finally:
            process.kill()


def changed_since(
    folder: Path, revision: str, limits: Limits, environment: Mapping[str, str]
) -> frozenset[str]:
    """Return the paths below `folder` whose content is not what `revision` has, deleted ones among them.

    Git's own comparison would run the filters that a repository configures, so
    the objects are named here: by size first, then by hash.

    Raises:
        TargetError: `folder` is not in a git repository, or there is no such revision.
    """
    commit = resolve(folder, revision, limits, environment)
    listed = run(["-C", str(folder), "ls-tree", "-r", "-l", "-z", commit], limits, environment)
    known = {}
    for line in listed.split(b"\x00"):
        head, _, name = line.partition(b"\t")
        if name:
            _, kind, blob, size = head.split()
            if kind == b"blob":
                known[shown(os.fsdecode(name))] = (blob.decode(), int(size))
    differ = set()
    for file in walk(os.fspath(folder), limits, Skipped(0)):
        name_then, size_then = known.pop(file.path, ("", -1))
        if size_then != file.size or _object_name(file, len(name_then)) != name_then:
            differ.add(file.path)
    return frozenset(differ | set(known))


def _object_name(file: File, digits: int) -> str:
    """Return git's name for the content of `file`: of 40 hex digits by SHA-1, of 64 by SHA-256."""
    name = hashlib.sha256() if digits == 64 else hashlib.sha1(usedforsecurity=False)
    name.update(b"blob %d\0" % file.size)
    try:
        with open(file.local, "rb") as content:  # noqa: PTH123 (a name with broken bytes is no valid Path)
            while chunk := content.read(1 << 20):
                name.update(chunk)
    except OSError:
        return ""
    return name.hexdigest()
