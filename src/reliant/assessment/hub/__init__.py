"""Descent at the size of a whole hub."""
