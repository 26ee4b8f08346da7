"""Feedback: in by HTTP, through the queue, into the outcomes; and the clock's half of it."""
