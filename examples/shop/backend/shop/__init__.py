"""The back end of the tea shop."""
