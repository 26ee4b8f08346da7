"""Sums, ratios with their bounds, and the A/B test. Must not know storage, clocks or requests."""
