"""Turns values into files under .ossature and back."""
