"""Drawings of the task graph: pure layouts."""
