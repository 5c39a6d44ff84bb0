"""Cached speech with phone times and mouth motion: builders, augmentation, reader."""
