"""The operator's commands inside the network, where nobody else reaches the database."""
