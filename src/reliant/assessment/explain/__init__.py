"""Takes printed numbers apart: the formula, the rows that fill it, and their sources."""
