"""Entities that are no feature: one file each, named for its key, with a function `component`."""
