"""Bandit policies against one another in synthetic worlds: the parts of `./dev bench learning`."""
