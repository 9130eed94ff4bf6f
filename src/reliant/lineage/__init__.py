"""What a model descends from: evidence levels that are never blended."""
