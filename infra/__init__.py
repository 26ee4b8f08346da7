"""Where the service runs: the only place that knows AWS or this machine."""
