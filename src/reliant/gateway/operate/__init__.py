"""Serves those who run a gateway: health, metrics, traces, the admin page, and lists of what is allowed."""
