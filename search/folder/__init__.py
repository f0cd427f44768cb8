"""The run folder: what it holds, who writes it, who reads it."""
