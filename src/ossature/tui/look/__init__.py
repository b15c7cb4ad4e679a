"""How things look: spans and tones, themes, glyphs."""
