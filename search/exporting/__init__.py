"""A finished run's model in other formats, each checked by its own runtime before it is put in place."""
