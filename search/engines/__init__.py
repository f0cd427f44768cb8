"""Engines: they propose points and learn from results; they neither train nor write files."""

from ffsearch.search.base.quiet import load_bars

load_bars()  # before any module here imports Optuna
