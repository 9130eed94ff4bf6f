"""What can be opened: a directory, an archive, a package, an image; read-only and within limits."""

from typing import TYPE_CHECKING

from reliant.targets.file import File
from reliant.targets.limits import Limits
from reliant.targets.open import Fetched, Fetcher, open_target
from reliant.targets.target import Target

if TYPE_CHECKING:
    from reliant.targets.git import changed_since

__all__ = ["Fetched", "Fetcher", "File", "Limits", "Target", "changed_since", "open_target"]


def __getattr__(name: str) -> object:
    """Import what runs git only when it is asked for."""
    if name == "changed_since":
        from reliant.targets.git import changed_since  # noqa: PLC0415

        return changed_since
    raise AttributeError(name)
