"""Decision logs as a worker writes them, with a clock that counts."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from reliant.gateway.audit.heads import public_bytes
from reliant.gateway.audit.records import Change, Opening
from reliant.gateway.audit.verify import public_keys_of, verify
from reliant.gateway.audit.writer import ChainWriter

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def opening(chain: str) -> object:
    def make(number: int, moment: int, cut: int) -> Opening:
        return Opening(
            n=number,
            t=moment,
            chain=chain,
            node="n",
            pid=1,
            version="0",
            config="",
            atlas="",
            public_key=public_bytes(SIGNER).hex(),
            cut_bytes=cut,
        )

    return make


def written(
    folder: Path, records: int = 12, *, chain: str = "n-0", every: int = 5, segment: int = 1 << 28
) -> None:
    """Write a log with some changes in it, and close it."""
    clock = iter(range(1_000_000))
    writer = ChainWriter(
        folder,
        chain,
        SIGNER,
        now=lambda: float(next(clock)),
        opening=opening(chain),  # type: ignore[arg-type]
        to_disk=False,
        every_records=every,
        segment_bytes=segment,
    )
    for number in range(records):
        at, moment = writer.take()
        writer.append(Change(n=at, t=moment, what=f"change {number}", by="test"))
    writer.close()
    (folder / "audit-public-key.txt").write_text(public_bytes(SIGNER).hex() + "\n")


def problems(folder: Path) -> list[str]:
    return [str(one) for one in verify(folder, public_keys_of(folder)).problems]
