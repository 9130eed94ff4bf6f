"""Where reliant keeps what it may throw away and what it may not; the one place that asks for it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder(*parts: str) -> Path:
    """Return a folder of what may be thrown away; RELIANT_CACHE names another place for all of it."""
    root = os.environ.get("RELIANT_CACHE") or platformdirs.user_cache_dir("reliant")
    return Path(root, *parts)


__all__ = ["cache_folder"]
