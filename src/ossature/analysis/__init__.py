"""Turns specs into findings, briefs and a plan with a model's help."""
