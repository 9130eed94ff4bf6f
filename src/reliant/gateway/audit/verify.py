"""Checks a log with nothing but the log and the public key.

Found is any change of a byte, any record left out, put in or moved, a missing
segment in the middle, and records cut off the end after a published checkpoint.
What no log can show by itself: records after the last checkpoint that were cut
off together with every copy of later checkpoints. So publish the heads, keep them
elsewhere, and check with what was kept.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.errors import MissingExtra, TargetError
from reliant.gateway.audit.chain import START, BadLine, Opened, link, read_line, seal
from reliant.gateway.audit.heads import Head, fingerprint
from reliant.gateway.audit.holding import is_held
from reliant.gateway.audit.kept import Kept
from reliant.gateway.audit.records import (
    AnyRecord,
    Change,
    Checkpoint,
    Decision,
    Opening,
    Outcome,
    signed_text,
)
from reliant.gateway.audit.removal import Removed, find_removal, removal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_SEGMENT = re.compile(r"(?P<chain>.+)-(?P<segment>\d{5})\.jsonl\Z")
_MAX_LINE = 64 << 20
_DECODE: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong; `line` is 0 where a whole file is meant, `record` None where none is."""

    file: str
    line: int
    record: int | None
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        number = "" if self.record is None else f" record {self.record}:"
        return f"{place}:{number} {self.what}"


class ChainReport(msgspec.Struct, frozen=True):
    """What one chain holds.

    Attributes:
        unsigned: Records after the last checkpoint.
        removed: Records before the first that is here, taken away by the gateway.
    """

    chain: str
    records: int
    checkpoints: int
    unsigned: int
    erased: int
    decisions: int
    outcomes: int
    head: str
    keys: tuple[str, ...]
    removed: int = 0


class Report(msgspec.Struct, frozen=True):
    """The result for a whole log."""

    chains: tuple[ChainReport, ...]
    problems: tuple[Problem, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def find_chains(path: Path) -> dict[str, list[Path]]:
    """Return the segments of each chain in `path`, a folder or one segment, in order.

    Raises:
        TargetError: There is no log.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    chains: dict[str, list[Path]] = {}
    for file in files:
        match = _SEGMENT.match(file.name)
        if match:
            chains.setdefault(match["chain"], []).append(file)
        elif not path.is_dir() and file.exists():
            chains.setdefault(file.stem, []).append(file)
    if not chains or not all(file.is_file() for files in chains.values() for file in files):
        raise TargetError(f"there is no decision log at {path}", hint="Name the folder from [audit] path.")
    return chains


def public_keys_of(path: Path, given: Sequence[Path] = ()) -> tuple[bytes, ...]:
    """Return the public keys: from `given`, or from the file that stands beside the log.

    A file holds one key a line: those of several nodes, or of one before and after its key was changed.

    Raises:
        TargetError: There is none, or it is not an Ed25519 key; or there is nothing at `path`.
    """
    if not path.exists():
        raise TargetError(f"there is no decision log at {path}", hint="Name the folder from [audit] path.")
    folder = path if path.is_dir() else path.parent
    keys: list[bytes] = []
    for file in given or [folder / "audit-public-key.txt"]:
        try:
            found = [bytes.fromhex(line) for line in file.read_text(encoding="ascii").splitlines()]
        except FileNotFoundError:
            hint = "Give --public-key FILE with the key you were told."
            raise TargetError(f"there is no public key at {file}", hint=hint) from None
        except (OSError, ValueError):
            found = []
        if not found or any(len(key) != 32 for key in found):
            raise TargetError(
                f"{file} holds no public key",
                hint="Give --public-key FILE: 64 hexadecimal digits, one key a line.",
            )
        keys += found
    return tuple(keys)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a segment, each with its line feed if it has one."""
    with path.open("rb") as file:
        while line := file.readline(_MAX_LINE):
            yield line


class _Walk:
    """Follows one chain from its first record."""

    def __init__(self, chain: str, public: Iterable[bytes]) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
        except ImportError:
            raise MissingExtra("checking the decision log", "gateway") from None
        self.chain = chain
        self.public = {fingerprint(one): Ed25519PublicKey.from_public_bytes(one) for one in public}
        self.key_names = " or ".join(self.public)
        self.head = START
        self.number = 0
        self.name: str | None = None
        self.checkpoints = self.unsigned = self.erased = self.decisions = self.outcomes = 0
        self.keys: set[str] = set()
        self.problems: list[Problem] = []
        self.hashes: dict[int, str] = {}
        self.claims: dict[str, tuple[int, str, str]] = {}
        self.kept: dict[int, list[Kept]] = {}
        self.removal: Removed | None = None
        self.signed_until = -1
        self.removal_said_at: int | None = None

    def wrong(self, file: Path, line: int, what: str, record: int | None = None) -> None:
        self.problems.append(Problem(file.name, line, record, what))

    def segment(self, file: Path) -> bool:
        """Check one file; False if the rest of the chain cannot be followed."""
        size = 0
        for at, raw in enumerate(read_lines(file), start=1):
            size += len(raw)
            if not raw.endswith(b"\n"):
                if file.stat().st_size > size or is_held(file.parent, self.chain):
                    return True  # a gateway is writing this line, or will cut it off before it goes on
                self.wrong(file, at, "is cut off in the middle", self.number)
                return False
            try:
                line = read_line(raw)
                record = _DECODE.decode(line.record)
            except (BadLine, msgspec.DecodeError) as error:
                self.wrong(file, at, str(error), self.number)
                return False
            if link(self.head, line.record) != line.digest:
                what = "does not follow from the record before: one of them was changed, moved or left out"
                self.wrong(file, at, what, self.number)
                return False
            if record.n != self.number:
                self.wrong(file, at, f"says it is record {record.n}", self.number)
                return False
            self._record(file, at, record, line.opened)
            self.head = line.digest
            for kept in self.kept.pop(self.number, ()):
                if kept.hash not in {"", line.digest.hex()}:
                    what = f"has another hash than the head kept in {kept.said_by}"
                    self.wrong(file, at, what, self.number)
            self.number += 1
        return True

    def begin_after(self, removal: Removed) -> None:
        """Begin behind segments that the chain says were removed."""
        self.removal = removal
        self.head = bytes.fromhex(removal.hash)
        self.number = removal.record + 1

    def end(self) -> None:
        """Check what can only be seen at the end."""
        last = self.number - 1
        for number in sorted(self.kept):
            gone = self.removal is not None and number <= self.removal.record
            if not gone and not self.problems:
                kept = self.kept[number][0]
                what = f"its end was cut off: the head kept in {kept.said_by} names record {number}"
                self._ended(number, f"{what}, but it ends at {last}")
        said_at = self.removal_said_at
        if (
            self.removal is not None
            and not self.problems
            and (said_at is None or said_at > self.signed_until)
        ):
            what = "no signature covers the record that says its first segments were removed"
            self._ended(said_at, what)

    def _ended(self, number: int | None, what: str) -> None:
        self.problems.append(Problem(self.name or self.chain, 0, number, what))

    def _record(self, file: Path, at: int, record: AnyRecord, opened: dict[str, Opened] | None) -> None:
        self.unsigned += 1
        if isinstance(record, Opening):
            self.name = self.name or record.chain
            self.keys.add(record.public_key)
            if record.chain != self.name:
                self.wrong(file, at, f"belongs to the chain {record.chain!r}", self.number)
        elif isinstance(record, Checkpoint):
            self._checkpoint(file, at, record)
        elif isinstance(record, Decision):
            self.decisions += 1
        elif isinstance(record, Outcome):
            self.outcomes += 1
        elif isinstance(record, Change) and self.removal is not None and removal_of(record) == self.removal:
            self.removal_said_at = self.number
        seals = _seals(record)
        for name, value in (opened or {}).items():
            if seals.get(name) != seal(value):
                self.wrong(file, at, f"keeps a {name} that is not the one it was sealed with", self.number)
        self.erased += sum(name not in (opened or {}) for name in seals)

    def _checkpoint(self, file: Path, at: int, record: Checkpoint) -> None:
        if record.head != self.head.hex():
            self.wrong(file, at, "signs another head than the record before it", self.number)
            return
        if not self.signed(self.number, record.head, record.others, record.signature, record.key):
            self.wrong(file, at, f"is not signed by the key {self.key_names}", self.number)
            return
        self.hashes[self.number] = record.head
        self.checkpoints += 1
        self.unsigned = 0
        self.signed_until = self.number
        for name, claim in record.others.items():
            number, _, digest = claim.partition(":")
            self.claims[name] = (int(number), digest, f"{file.name}:{at}")

    def signed(self, number: int, head: str, others: dict[str, str], signature: str, key: str) -> bool:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

        public = self.public.get(key)
        if public is None:
            return False
        try:
            text = signed_text(self.name or self.chain, number, head, others)
            public.verify(bytes.fromhex(signature), text)
        except (InvalidSignature, ValueError):
            return False
        return True

    def report(self) -> ChainReport:
        return ChainReport(
            chain=self.name or self.chain,
            records=self.number - (self.removal.record + 1 if self.removal is not None else 0),
            checkpoints=self.checkpoints,
            unsigned=self.unsigned,
            erased=self.erased,
            decisions=self.decisions,
            outcomes=self.outcomes,
            head=f"{self.number - 1}:{self.head.hex()}",
            keys=tuple(sorted(self.keys)),
            removed=self.removal.record + 1 if self.removal is not None else 0,
        )


def _seals(record: AnyRecord) -> dict[str, str]:
    if isinstance(record, Decision) and record.body is not None and record.body.startswith("sealed:"):
        return {"body": record.body.removeprefix("sealed:")}
    return {}


def verify(path: Path, public: Sequence[bytes], kept: Iterable[Kept] = ()) -> Report:
    """Check the log at `path`, a folder or one segment; a gateway may go on writing it meanwhile.

    Args:
        path: The log.
        public: The keys that checkpoints must be signed with, one of them each.
        kept: Heads of it that were kept elsewhere.

    Raises:
        TargetError: There is no log.
    """
    walks: list[_Walk] = []
    problems: list[Problem] = []
    elsewhere: dict[str, dict[int, list[Kept]]] = {}
    for one in kept:
        elsewhere.setdefault(one.chain, {}).setdefault(one.record, []).append(one)
    # Heads first, then chains: a head may not be ahead of the chain that is read after it.
    heads = {file: file.read_bytes() for file in path.glob("[!.]*.head")} if path.is_dir() else {}
    for chain, files in find_chains(path).items():
        walk = _Walk(chain, public)
        walk.kept = elsewhere.pop(chain, {})
        _segments(walk, files)
        walk.end()
        if path.is_dir():
            _head(walk, path / f"{chain}.head", heads.get(path / f"{chain}.head"))
        problems += walk.problems
        walks.append(walk)

    def again(chain: str) -> _Walk:
        walk = _Walk(chain, public)
        _segments(walk, find_chains(path)[chain])
        return walk

    _others(walks, problems, again)
    for chain, missed in elsewhere.items():
        said_by = next(iter(missed.values()))[0].said_by
        problems.append(
            Problem(chain, 0, max(missed), f"the head kept in {said_by} is of a chain that is not here")
        )
    chains = {walk.chain for walk in walks}
    for head in sorted(heads):
        if head.stem not in chains:
            problems.append(Problem(head.name, 0, None, "signs a chain that is not here"))
    return Report(tuple(walk.report() for walk in walks), tuple(problems))


def _segments(walk: _Walk, files: list[Path]) -> None:
    first = _SEGMENT.match(files[0].name)
    begun = int(first["segment"]) if first else 1
    start = 1
    removal = find_removal(files, begun - 1) if begun > 1 else None
    if removal is not None:
        walk.begin_after(removal)
        start = removal.segment + 1
        files = files[start - begun :]
    for expected, file in enumerate(files, start=start):
        match = _SEGMENT.match(file.name)
        if match and int(match["segment"]) != expected and not walk.problems:
            walk.wrong(file, 0, f"segment {expected} of the chain is missing", walk.number)
            return
        if not walk.segment(file):
            return


def _head(walk: _Walk, file: Path, data: bytes | None) -> None:
    if walk.problems:
        return
    if data is None:
        if walk.checkpoints and not file.exists() and not is_held(file.parent, walk.chain):
            what = "is missing though the chain has checkpoints: it belongs to the log, copy it too"
            walk.wrong(file, 0, what)
        return
    try:
        head = msgspec.json.decode(data, type=Head)
    except msgspec.DecodeError:
        walk.wrong(file, 0, "is not a published head")
        return
    if msgspec.json.encode(head) + b"\n" != data or head.chain != (walk.name or walk.chain):
        walk.wrong(file, 0, "is not a published head of this chain")
    elif not walk.signed(head.n, head.hash, head.others, head.signature, head.key):
        walk.wrong(file, 0, f"is not signed by the key {walk.key_names}")
    elif head.n >= walk.number:
        walk.wrong(
            file, 0, f"signs record {head.n}, but the chain ends at {walk.number - 1}: its end was cut off"
        )
    elif walk.hashes.get(head.n) != head.hash:
        walk.wrong(file, 0, "signs another history than the one that is here", head.n)


def _others(walks: list[_Walk], problems: list[Problem], again: Callable[[str], _Walk]) -> None:
    """Check that what chains said of each other is still so."""
    by_name = {walk.name or walk.chain: walk for walk in walks}
    for walk in walks:
        for name, (number, digest, place) in walk.claims.items():
            other = by_name.get(name)
            if other is None or other.problems:
                continue
            if number >= other.number:
                other = by_name[name] = again(other.chain)  # it may have grown since it was read
            if number >= other.number:
                what = f"{place} saw record {number} of it, but it ends at {other.number - 1}"
                problems.append(Problem(name, 0, number, what))
            elif other.hashes.get(number, digest) != digest:
                problems.append(Problem(name, 0, number, f"{place} saw another hash there"))
