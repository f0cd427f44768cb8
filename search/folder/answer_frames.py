"""What a run found beyond its verdict, as frames: columns, curves, intervals, thresholds, layers, what would help.

All of it stands in the summary; here it is laid out in rows. A frame is empty where a run was not asked, or does not
know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.summary import Summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AnswerFrames"]


class AnswerFrames(ABC):
    """The frames of whoever has a summary."""

    @property
    @abstractmethod
    def results(self) -> Summary:
        """What the run came to."""

    @cached_property
    def column_importances(self) -> pd.DataFrame:
        """A row a column, or group of columns that go together: columns, value, low, high, chance, is_useful, ...

        Values are losses that shuffling adds; those of other models stand in `MODEL.value`, `MODEL.low`, `MODEL.high`.
        """
        found = self.results.columns
        return _frame(
            {"columns": " + ".join(one.columns), "n_columns": len(one.columns), **_ends(one.network)}
            | {"chance": one.chance, "is_useful": one.is_useful}
            | {f"{name}.{end}": value for name, other in one.others.items() for end, value in _ends(other).items()}
            for one in (() if found is None else found.importances)
        )

    @cached_property
    def dependence(self) -> pd.DataFrame:
        """A row a place on a curve: column, at, value, low, high."""
        found = self.results.columns
        return _frame(
            {"column": one.column, "at": at, "value": value, "low": low, "high": high}
            for one in (() if found is None else found.curves)
            for at, value, low, high in zip(one.at, one.value, one.low, one.high, strict=True)
        )

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """Of two classes a row a threshold: threshold, and every measure on rows that networks had not learnt from."""
        found = self.results.threshold
        return _frame(dict(one) for one in (() if found is None else found.curve))

    @cached_property
    def row_intervals(self) -> pd.DataFrame:
        """A row a level: level, held, low, high, and the mean width; of several targets `width.TARGET` each.

        Widths of intervals that are everywhere as wide stand beside them as `width_alike`.
        """
        found = self.results.row_intervals
        names = self.results.data.target if self.results.task == "regression" else ("",)

        def widths(name: str, values: tuple[float, ...]) -> dict[str, float]:
            single = len(values) == 1
            return {name if single else f"{name}.{of}": value for of, value in zip(names, values, strict=True)}

        return _frame(
            {"level": one.level, "held": one.held.value, "low": one.held.low, "high": one.held.high}
            | widths("width", one.widths)
            | (widths("width_alike", one.widths_alike) if one.widths_alike else {})
            for one in (() if found is None else found.levels)
        )

    @cached_property
    def layers(self) -> pd.DataFrame:
        """A row a hidden layer: layer, n_units, before, is_shown, idle, and `probe`, `gain`, `reset` with both ends."""
        return _frame(
            {"layer": one.layer, "n_units": one.n_units, "before": one.before, "is_shown": one.is_shown}
            | {"idle": one.idle}
            | {
                name if end == "value" else f"{name}.{end}": value
                for name in ("probe", "gain", "reset")
                for end, value in _ends(getattr(one, name)).items()
            }
            for one in self.results.layers
        )

    @cached_property
    def helps(self) -> pd.DataFrame:
        """A row a way: way, change, gain, low, high, is_shown, setting; the largest gain first, not asked ones last."""
        return _frame(
            {"way": str(one.way), "change": "" if one.change is None else f"{one.change.factor} {one.change.change}"}
            | {("gain" if end == "value" else end): value for end, value in _ends(one.gain).items()}
            | {"is_shown": one.is_shown, "setting": one.setting}
            for one in self.results.helps
        )


def _ends(estimate: Estimate | None) -> Mapping[str, float]:
    """Value and ends; NaN where there are none."""
    return (
        dict.fromkeys(("value", "low", "high"), float("nan"))
        if estimate is None
        else {end: getattr(estimate, end) for end in ("value", "low", "high")}
    )


def _frame(rows: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows))
