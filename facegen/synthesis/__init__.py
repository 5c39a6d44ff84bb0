"""Labelled pictures of made faces: plans, sampling, painting, checking, and the set on disk."""
