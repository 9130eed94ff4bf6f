"""How Python source is understood: blocks and their names, values, and what crosses files."""
