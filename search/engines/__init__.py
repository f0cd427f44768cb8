"""Engines: they propose points and learn from results; they neither train nor write files."""
