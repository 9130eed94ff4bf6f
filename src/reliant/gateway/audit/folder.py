"""The folder of a log: its signing key, its public keys, its writer's name, and its chains.

The name is made when the folder is, and goes with it: a machine that restarts under
another host name goes on with its chains, and two machines that share a host name
write different ones. Where a chain cannot be gone on with (its end is gone, or
another gateway writes it), the writer takes a new name and begins new chains; the
opening record says in place of which, and why.
"""

from __future__ import annotations

import fcntl
import functools
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from reliant.errors import ConfigError, MissingExtra
from reliant.gateway.audit.heads import other_heads, public_bytes
from reliant.gateway.audit.holding import hold
from reliant.gateway.audit.put import put, settle
from reliant.gateway.audit.records import Opening
from reliant.gateway.audit.writer import ChainWriter
from reliant.gateway.clock import Clock
from reliant.gateway.config import Config

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_KEY = "audit-public-key.txt"
WRITER = "writer.txt"
_PRIVATE_KEY = "audit-signing-key.txt"
_NAME = re.compile(r"[\w-]{1,60}")


def signing_key(folder: Path, given: str | None) -> Ed25519PrivateKey:
    """Return the key that signs checkpoints; made at the first start, readable by its owner only.

    The public key is written beside the log, for those who check it; those of before stay below it.

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
                file.flush()
                os.fsync(handle)
            settle(path.parent)
        public = public_bytes(key).hex()
        target = folder / PUBLIC_KEY
        known = target.read_text(encoding="ascii").split() if target.exists() else []
        if known[:1] != [public]:
            kept = [public, *(one for one in known if one != public)]
            put(target, "\n".join(kept).encode() + b"\n")
    except OSError as error:
        problem = f"log or signing key cannot be kept: {error.filename}: {error.strerror}"
        hint = "Give [audit] path a folder, and signing_key a file, that this user may read and write."
        raise ConfigError("[audit]", 0, problem, hint=hint) from None
    except ValueError as error:
        hint = "It holds 64 hexadecimal digits. Where it is lost, take it away: a new one is made."
        raise ConfigError(path, 0, f"is no usable signing key: {error}", hint=hint) from None
    return key


def writer_name(folder: Path, host: str, *, other_than: str = "") -> str:
    """Return the name of who writes the log in `folder`: the host's when it was made, and 8 digits.

    Made at the first start, and anew if it is `other_than`.

    Raises:
        ConfigError: It cannot be read or written.
    """
    path = folder / WRITER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # workers that begin at once have one name
            name = path.read_text(encoding="utf-8").strip() if path.exists() else other_than
            if name == other_than:
                name = f"{_plain(host)}-{secrets.token_hex(4)}"
                put(path, f"{name}\n".encode())
                settle(folder)
        finally:
            os.close(handle)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(folder, 0, f"cannot hold a log: {error}") from None
    if not _NAME.fullmatch(name):
        raise ConfigError(path, 1, "holds no name of a writer", hint="Take it away to begin new chains.")
    return name


def _plain(host: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in host)[:40].strip("-") or "node"


def open_chain(
    folder: Path,
    number: int,
    config: Config,
    *,
    host: str,
    clock: Clock,
    config_digest: str,
    atlas_version: str,
    version: str,
) -> ChainWriter:
    """Open the chain of the worker `number` where it ended; `begin` of what is returned writes to it.

    Raises:
        ConfigError: The folder cannot be written, the chain does not end in a record, or
            another gateway writes it.
    """
    key = signing_key(folder, config.audit.signing_key)
    chain = f"{writer_name(folder, host)}-{number}"
    held = _held(folder, chain)

    def opening(number: int, moment: int, cut: int) -> Opening:
        return Opening(
            n=number,
            t=moment,
            chain=writer.chain,
            node=host,
            pid=os.getpid(),
            version=version,
            config=config_digest,
            atlas=atlas_version,
            public_key=public_bytes(key).hex(),
            cut_bytes=cut,
            instead_of=writer.instead_of,
            because=writer.because,
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
            begin=False,
        )
    except OSError as error:
        os.close(held)
        raise ConfigError(folder, 0, f"cannot be written: {error}") from None
    _give(writer, held)
    if writer.lost:
        begin_anew(writer, number, host, because=writer.lost)
    return writer


def begin_anew(writer: ChainWriter, number: int, host: str, *, because: str) -> None:
    """Give a chain that nothing was written to yet up for a new one.

    Raises:
        ConfigError: The folder cannot be written.
    """
    before = writer.chain
    chain = f"{writer_name(writer.folder, host, other_than=before.rpartition('-')[0])}-{number}"
    held = _held(writer.folder, chain)
    if writer.on_close is not None:
        writer.on_close()
    _give(writer, held)
    writer.instead_of, writer.because = before, because
    try:
        writer.move(chain)
    except OSError as error:
        raise ConfigError(writer.folder, 0, f"cannot be written: {error}") from None
    _give(writer, held)


def _give(writer: ChainWriter, held: int) -> None:
    writer.others = functools.partial(other_heads, writer.folder, writer.chain)
    writer.on_close = functools.partial(os.close, held)


def _held(folder: Path, chain: str) -> int:
    try:
        held = hold(folder, chain)
    except OSError as error:
        raise ConfigError(folder, 0, f"cannot be written: {error}") from None
    if held is None:
        raise ConfigError(
            folder,
            0,
            f"another gateway is writing the chain {chain!r} of this log",
            hint="Give each gateway a folder of its own: [audit] path.",
        )
    return held
