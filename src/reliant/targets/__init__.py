"""What can be opened: a directory, an archive, a package, an image; read-only and within limits."""

from reliant.targets.file import File
from reliant.targets.git import changed_since
from reliant.targets.limits import Limits
from reliant.targets.open import Fetched, Fetcher, open_target
from reliant.targets.target import Target

__all__ = ["Fetched", "Fetcher", "File", "Limits", "Target", "changed_since", "open_target"]
