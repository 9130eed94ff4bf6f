"""What all manifests have in common: a declared package becomes one signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reliant.core.use import Kind, Role
from reliant.inventory.signals import Signal, What

if TYPE_CHECKING:
    from reliant.inventory.view import FileView


def declared(
    file: FileView,
    registry: str,
    name: str,
    line: int,
    *,
    column: int = 0,
    aside: bool = False,
    locked: bool = False,
) -> Signal | None:
    """Return the signal of one declared package, or None if it does not speak to AI services.

    A package that speaks to many servers, or that does much besides AI, is declared without a
    provider; the merge step joins it with what the code does with it. A lock file says what is
    installed, not what is wanted: it never names a provider.

    Args:
        aside: Declared for development, tests or as an extra.
        locked: Read from a lock file.
    """
    sdk = file.vendors.package(registry, name)
    if sdk is None:
        return None
    alone = not (sdk.replaceable or sdk.general or locked)
    kind = {"tokenizer": Kind.TOKENIZER, "gateway": Kind.GATEWAY}.get(sdk.kind, Kind.SDK)
    return Signal(
        what=What.SDK,
        line=line,
        column=column,
        sdk=name,
        provider=sdk.provider if alone else None,
        fixed=alone,
        kind=kind,
        role=Role.LISTED if locked else Role.OPTIONAL if aside else None,
        confidence=0.6 if locked else 0.9,
    )
