"""Stable Diffusion 1.5 with a reference network, motion modules and guidance: published weights.

MagicPortrait (Wei et al. 2025), Champ (Zhu et al. 2024) and their relatives share one layout.
"""
