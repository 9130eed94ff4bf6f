"""Shows a result: renders values, and looks nothing up."""
