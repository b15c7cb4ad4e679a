"""Turns a planned task into verified, landed files."""
