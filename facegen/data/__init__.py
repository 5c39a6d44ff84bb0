"""Cached training sets: one builder and one reader per kind of sample."""
