"""Emulates AWS on this machine: gateway, tokens, functions, queue and schedules. Must not know the demo."""
