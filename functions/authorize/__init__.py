"""The site's own tokens: who sent a request, where SITE_TOKENS is set."""
