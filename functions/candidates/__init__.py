"""Builds the six algorithms' candidate lists (a reference that a site may replace)."""
