"""One record of the log as a line, and the hash that ties it to all before it.

A line is `{"h":"<hash>","r":<record>}`, or with `,"o":<opened>` before the last
brace. The hash is SHA-256 over the hash before and the bytes of the record as
they stand, so checking needs no canonical form. What may have to be erased later
(a prompt) stands only in `o`; the record holds its salted digest. Erasing `o`
leaves the chain as it was, and shows that something was erased.
"""

from __future__ import annotations

import hashlib
import re
from binascii import hexlify
from typing import NamedTuple

import msgspec

START = bytes(32)
"""What stands before the first record of a chain."""

_LINE = re.compile(rb'\{"h":"([0-9a-f]{64})","r":(\{.*\})\}\n?\Z', re.DOTALL)
_OPENED = b',"o":'


class Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value whose digest stands in the record: erasable without breaking the chain."""

    salt: str
    text: str


class Line(NamedTuple):
    """A line taken apart; `opened` is None where nothing was kept or it was erased."""

    digest: bytes
    record: bytes
    opened: dict[str, Opened] | None


class BadLine(ValueError):
    """A line that does not have the form of one."""


def link(before: bytes, record: bytes) -> bytes:
    """Return the hash of `record` after the record whose hash is `before`."""
    return hashlib.sha256(before + record).digest()


def seal(opened: Opened) -> str:
    """Return the digest that a record keeps of an erasable value."""
    return hashlib.sha256(opened.salt.encode() + b"\x00" + opened.text.encode()).hexdigest()


def write_line(digest: bytes, record: bytes, opened: dict[str, Opened] | None = None) -> bytes:
    """Return the line of a record."""
    if opened:
        return b'{"h":"%b","r":%b%b%b}\n' % (hexlify(digest), record, _OPENED, msgspec.json.encode(opened))
    return b'{"h":"%b","r":%b}\n' % (hexlify(digest), record)


_RAW: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OPEN: msgspec.json.Decoder[dict[str, Opened]] = msgspec.json.Decoder(dict[str, Opened])


def read_line(line: bytes) -> Line:
    """Take a line apart.

    Raises:
        BadLine: It is not such a line, to the last byte.
    """
    match = _LINE.match(line)
    if match is None:
        raise BadLine("is not a line of the log")
    try:
        parts = _RAW.decode(line)
        opened = _OPEN.decode(parts["o"]) if "o" in parts else None
    except msgspec.DecodeError as error:
        raise BadLine(f"is not JSON: {error}") from None
    if not set(parts) <= {"h", "r", "o"} or "r" not in parts:
        raise BadLine("has parts that no line has")
    record = bytes(parts["r"])
    digest = bytes.fromhex(match[1].decode())
    if write_line(digest, record, opened) != line.rstrip(b"\n") + b"\n":
        raise BadLine("is not written as the log writes it")
    return Line(digest, record, opened)
