"""Dated, cited facts: the records, how they are read and checked, and how they are asked."""
