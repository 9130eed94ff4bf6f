"""Serves one request: reads it, decides, sends it to a provider, passes the answer on, writes it down."""
