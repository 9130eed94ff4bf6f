"""What a model descends from: evidence levels that are never blended.

`look` reads headers and claims and needs no numpy. `reliant.lineage.trace` compares weights
and does; so does `reliant.lineage.index`.
"""

from __future__ import annotations

from reliant.lineage.look import Seen, look, look_at

__all__ = ["Seen", "look", "look_at"]
