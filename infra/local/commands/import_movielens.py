"""Loads a MovieLens folder (ml-latest-small or ml-100k layout) into the site's tables; loading again replaces."""
