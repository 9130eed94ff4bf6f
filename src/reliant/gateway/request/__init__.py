"""Reads requests: their bytes, what in them decides, and which paths there are."""
