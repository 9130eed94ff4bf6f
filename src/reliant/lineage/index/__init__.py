"""A folder of fingerprints: one suspect is searched among thousands of references without opening them."""

from __future__ import annotations

from reliant.errors import MissingExtra

try:
    from reliant.lineage.index.answer import compared
    from reliant.lineage.index.batch import Made, fingerprint_batch
    from reliant.lineage.index.fingerprint import PATHS, Fingerprint, decode, encode
    from reliant.lineage.index.make import fingerprint
    from reliant.lineage.index.search import Candidate, search
    from reliant.lineage.index.store import Entry, Store
except ImportError as error:  # numpy is not part of the core
    raise MissingExtra("an index of fingerprints", "trace") from error

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
