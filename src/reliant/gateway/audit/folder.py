"""The folder of a log: its signing key, its public key, and its chains."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from reliant.errors import ConfigError, MissingExtra
from reliant.gateway.audit.records import Opening
from reliant.gateway.audit.writer import ChainWriter, Head, public_bytes
from reliant.gateway.clock import Clock
from reliant.gateway.config import Config

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_KEY = "audit-public-key.txt"
_PRIVATE_KEY = "audit-signing-key.txt"


def signing_key(folder: Path, given: str | None) -> Ed25519PrivateKey:
    """Return the key that signs checkpoints; made at the first start, readable by its owner only.

    The public key is written beside the log, for those who check it.

    Raises:
        ConfigError: The key cannot be read or written.
        MissingExtra: The library is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("signing the decision log", "gateway") from None
    path = Path(given) if given else folder.parent / _PRIVATE_KEY
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            key = Ed25519PrivateKey.from_private_bytes(
                bytes.fromhex(path.read_text(encoding="ascii").strip())
            )
        else:
            key = Ed25519PrivateKey.generate()
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(key.private_bytes_raw().hex() + "\n")
        public = public_bytes(key).hex() + "\n"
        target = folder / PUBLIC_KEY
        if not target.exists() or target.read_text(encoding="ascii") != public:
            target.write_text(public, encoding="ascii")
    except (OSError, ValueError) as error:
        raise ConfigError(path, 0, f"is no usable signing key: {error}") from None
    return key


def open_chain(
    folder: Path,
    chain: str,
    config: Config,
    *,
    clock: Clock,
    config_digest: str,
    atlas_version: str,
    version: str,
) -> ChainWriter:
    """Open a worker's chain where it ended.

    Raises:
        ConfigError: The folder cannot be written, the chain does not end in a record, or
            another gateway writes it.
    """
    key = signing_key(folder, config.audit.signing_key)
    held = hold(folder, chain)
    if held is None:
        raise ConfigError(
            folder,
            0,
            f"another gateway is writing the chain {chain!r} of this log",
            hint="Give each gateway a folder of its own: [audit] path.",
        )

    def opening(number: int, moment: int, cut: int) -> Opening:
        return Opening(
            n=number,
            t=moment,
            chain=chain,
            node=chain.rpartition("-")[0],
            pid=os.getpid(),
            version=version,
            config=config_digest,
            atlas=atlas_version,
            public_key=public_bytes(key).hex(),
            cut_bytes=cut,
        )

    try:
        writer = ChainWriter(
            folder,
            chain,
            key,
            now=clock.wall,
            opening=opening,
            to_disk=config.audit.durability == "disk",
            every_records=config.audit.checkpoint_records,
            segment_bytes=config.audit.segment_bytes,
        )
    except OSError as error:
        os.close(held)
        raise ConfigError(folder, 0, f"cannot be written: {error}") from None
    writer.others = lambda: other_heads(folder, chain)
    writer.on_close = functools.partial(os.close, held)
    return writer


def hold(folder: Path, chain: str) -> int | None:
    """Return an open file that marks `chain` as being written; None if somebody else writes it.

    The mark goes with the process, however that ends.
    """
    handle = os.open(folder / f".{chain}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def published(folder: Path) -> list[Head]:
    """Return the newest published checkpoint of each chain in a log."""
    found = []
    for path in sorted(folder.glob("*.head")):
        if not path.name.startswith("."):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                found.append(msgspec.json.decode(path.read_bytes(), type=Head))
    return found


def other_heads(folder: Path, chain: str) -> dict[str, str]:
    """Return the newest checkpoints of the other chains, so that each worker vouches for all."""
    return {head.chain: f"{head.n}:{head.hash}" for head in published(folder) if head.chain != chain}
