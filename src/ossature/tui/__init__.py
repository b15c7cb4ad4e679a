"""The Textual face: shows a run's journal and sends decisions."""
