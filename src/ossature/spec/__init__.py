"""Turns the text of specs, architectures and cases into values."""
