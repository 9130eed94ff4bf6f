"""Speaks HTTP with clients: connections with bounds, one request at a time, and how each is run."""
