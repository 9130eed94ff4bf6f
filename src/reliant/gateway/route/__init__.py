"""Decides where a request may go: routes, what holds its objects, and the health of each upstream."""
