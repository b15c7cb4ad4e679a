"""Dialogs and whole screens that lie over the panes."""
