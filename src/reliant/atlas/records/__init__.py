"""The typed records of the atlas: one file per kind of record."""
