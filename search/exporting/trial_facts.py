"""What the exports of a run tell other tools of its trials: the same names and numbers in each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pandas as pd

__all__ = ["CURVES", "SIZES", "finals_of", "is_number", "names_of", "seconds_of"]

CURVES: Final = ("train_loss", "valid_loss")
"""Columns of `Run.curves` that are told epoch by epoch."""

SIZES: Final = ("n_params", "n_epochs")
"""Columns of `Run.trials` that are told beside the metrics."""


def names_of(trials: pd.DataFrame, prefix: str) -> list[str]:
    """What the columns of one kind, `point.` or `metric.`, are called without their prefix."""
    return [str(name).removeprefix(prefix) for name in trials if str(name).startswith(prefix)]


def finals_of(row: Mapping[Any, Any], *, prefix: str) -> dict[str, float]:
    """The numbers a trial ended with, those it has: its value, its metrics, each under a prefix, and its sizes."""
    metrics = {f"{prefix}{str(name)[7:]}": value for name, value in row.items() if str(name).startswith("metric.")}
    numbers = {"value": row["value"], **metrics, **{name: row[name] for name in SIZES}}
    return {name: float(number) for name, number in numbers.items() if is_number(number)}


def is_number(value: Any) -> bool:
    """Whether a cell holds a finite number."""
    return bool(pd.notna(value)) and math.isfinite(value)


def seconds_of(moment: str) -> float:
    """Seconds since 1970 of a moment in a run's log."""
    return datetime.fromisoformat(moment).timestamp()
