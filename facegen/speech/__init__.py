"""Speech to motion: the lip network, the expression and head network."""
