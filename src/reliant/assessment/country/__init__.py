"""One country on another: access, reliance, stance and impact, as of a day."""
