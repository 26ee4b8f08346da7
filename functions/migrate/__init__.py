"""The database's tables, brought up to date at every deployment."""
