"""Decides who may reach what: keys, limits, places, rules and the budget."""
