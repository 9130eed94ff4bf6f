"""The measures: what stops, for how long, by which smallest losses, and from where it comes."""
