"""A folder of fingerprints: one suspect is searched among thousands of references without opening them."""

from __future__ import annotations

from reliant.lineage.index.answer import compared
from reliant.lineage.index.batch import Made, fingerprint_batch
from reliant.lineage.index.fingerprint import PATHS, Fingerprint, decode, encode
from reliant.lineage.index.make import fingerprint
from reliant.lineage.index.search import Candidate, search
from reliant.lineage.index.store import Entry, Store

__all__ = [
    "PATHS",
    "Candidate",
    "Entry",
    "Fingerprint",
    "Made",
    "Store",
    "compared",
    "decode",
    "encode",
    "fingerprint",
    "fingerprint_batch",
    "search",
]
