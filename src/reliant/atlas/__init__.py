"""Dated, cited facts: the records, how they are read and checked, and how they are asked.

`load()` returns the `Atlas` that was compiled when reliant was built.
"""

from __future__ import annotations

from reliant.atlas.load import load
from reliant.atlas.query import Atlas, HostHit, ModelHit

__all__ = ["Atlas", "HostHit", "ModelHit", "load"]
