"""Asks a model: the port, its adapters, prompts and replies."""
