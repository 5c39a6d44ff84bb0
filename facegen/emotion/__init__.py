"""Feelings as data: facial actions per emotion, time tracks, styling of motion."""
