"""One file per detector; the registry finds them all."""
