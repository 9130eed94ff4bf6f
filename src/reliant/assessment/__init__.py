"""Joins what was found with what is known, as of a date."""
