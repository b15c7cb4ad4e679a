"""Widgets that know nothing of runs and specs."""
