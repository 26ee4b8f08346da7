"""Facts, checks and incidents: whether the service is well. Must not know storage, clocks or requests."""
