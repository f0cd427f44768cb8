"""The steps of a run, in the order of run.py."""
