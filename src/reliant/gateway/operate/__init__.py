"""Serves those who run a gateway: health, metrics, traces, the admin page, and lists of what is allowed."""

WATCH = "metrics"
"""The kind of request that a key must name to read what `listen.guarded` closes; every key may make `*`."""

LEARN_S = 0.5
"""How often a worker looks for keys that others made."""
