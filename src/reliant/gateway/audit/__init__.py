"""The decision log: append-only, hash-chained, signed, and checkable by an outsider."""
