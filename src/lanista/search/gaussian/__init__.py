"""Gaussian processes: the surrogate, what is expected of a point, and where that is greatest."""
