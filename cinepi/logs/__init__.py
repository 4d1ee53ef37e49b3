"""Logs: one JSON object a line, in a few files that never grow beyond their bound."""
