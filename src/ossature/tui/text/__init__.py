"""Text of any size: documents, the viewer, what paints its lines."""
