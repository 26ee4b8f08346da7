"""GET /movies/recommendations."""
