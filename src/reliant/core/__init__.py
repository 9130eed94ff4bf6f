"""Values that everyone passes around: no I/O, no clock."""
