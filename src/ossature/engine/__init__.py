"""Runs a goal from start to end and is the one face for drivers."""
