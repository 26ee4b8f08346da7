"""Counts → posterior → P(best) → guarded probability, and forgetting. Must not know storage, clocks or requests."""
