"""The shapes that routes answer. Must not know routes, SQL or how a page looks."""
