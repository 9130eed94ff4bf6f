"""Enforces the rules on live traffic, proves it, and survives a cut."""
