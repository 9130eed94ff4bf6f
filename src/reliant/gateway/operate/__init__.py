"""Serves those who run a gateway: health, metrics, traces, the admin page, and lists of what is allowed."""

LEARN_S = 0.5
"""How often a worker looks for keys that others made."""
