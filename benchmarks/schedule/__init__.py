"""Schedulers on simulated clusters: time to a quality, cost of decisions, populations, time-sharing."""
