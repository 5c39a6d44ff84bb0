"""Readers of published sets, one file each, in the layouts their owners hand out."""
