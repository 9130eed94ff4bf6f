"""Published heads: the newest checkpoint of each chain, beside the chain.

Cutting records off the end of a chain then shows, and each worker can vouch for the others.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.gateway.audit.put import put

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Head(msgspec.Struct, frozen=True):
    """A signed checkpoint: the record numbered `n`, and the hash of the one before it."""

    chain: str
    n: int
    hash: str
    key: str
    signature: str
    others: dict[str, str] = {}


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the raw public key."""
    return key.public_key().public_bytes_raw()


def fingerprint(public: bytes) -> str:
    """Return the short name of a public key: the first 16 digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def publish(folder: Path, head: Head) -> None:
    """Put a head beside its chain, in the place of the one before.

    Raises:
        OSError: It cannot be written.
    """
    put(folder / f"{head.chain}.head", msgspec.json.encode(head) + b"\n")


def published(folder: Path) -> list[Head]:
    """Return the newest published checkpoint of each chain in a log."""
    found = []
    for path in sorted(folder.glob("*.head")):
        if not path.name.startswith("."):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                found.append(msgspec.json.decode(path.read_bytes(), type=Head))
    return found


def head_of(folder: Path, chain: str) -> Head | None:
    """Return the published head of a chain, if there is one that can be read."""
    try:
        return msgspec.json.decode((folder / f"{chain}.head").read_bytes(), type=Head)
    except (OSError, msgspec.MsgspecError):
        return None


def other_heads(folder: Path, chain: str) -> dict[str, str]:
    """Return the newest checkpoints of the other chains, so that each worker vouches for all."""
    return {head.chain: f"{head.n}:{head.hash}" for head in published(folder) if head.chain != chain}
