"""The Lambda entry points: each translates an event, calls the product, translates the answer."""
