"""Bandit Selector: chooses which recommendation algorithm fills each place of a list, and learns from what follows."""
