"""What an import of an SDK says, the same for every language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.use import Kind, Role
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from reliant.inventory.vendor_facts import SdkFacts

_KINDS = {
    "open-weights": Kind.OPEN_WEIGHTS,
    "embedding": Kind.EMBEDDING,
    "tokenizer": Kind.TOKENIZER,
    "gateway": Kind.GATEWAY,
    "hosted-api": Kind.HOSTED_API,
}


def kind_of(said: str | None) -> Kind | None:
    """Return the kind that an SDK's record says; None if its models say it better."""
    return _KINDS.get(said or "")


def imported(
    sdk: SdkFacts, name: str, line: int, block: tuple[str, ...], *, role: Role | None = None
) -> Signal:
    """Return the signal of an import: of its vendor only if the SDK speaks to nobody else."""
    return Signal(
        what=What.SDK,
        line=line,
        block=block,
        sdk=name,
        provider=None if sdk.replaceable else sdk.provider,
        fixed=not sdk.replaceable,
        kind=kind_of(sdk.kind) if sdk.kind in {"tokenizer", "gateway"} else Kind.SDK,
        role=role,
    )
