"""Recognizers of others, one file each; their weights are the user's and nothing is downloaded."""
