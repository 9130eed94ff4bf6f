"""Files that people write, read with care: YAML with the line of everything, TOML once for all who ask."""
