"""Runs that sealed the same rows, compared row by row: what each row added to each network's score, kept and paired.

    judging -> row_scores -> sealed.parquet   ...   two runs' frames -> pairs_of -> differences with their intervals

Scores side by side are known far less well than their difference on the same rows: what is hard for one network is
mostly hard for the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL, TWO_SIDED
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.terms import row_influences
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.folder.reader import StoredRun

__all__ = ["MAX_ROWS", "pairs_of", "row_scores"]

MAX_ROWS: Final = 1_000_000
"""Sealed rows beyond which none are kept. Choice: their intervals side by side are narrow already; 30 MB else."""

_TERM: Final = "term."
_TRUTH: Final = "truth."


def row_scores(
    *,
    rows: NDArray[np.int64],
    truth: NDArray[Any],
    terms: NDArray[np.float32],
    units: Units,
    weight: RowWeight = None,
) -> pd.DataFrame | None:
    """What is kept of the sealed rows; None where they are too many.

    Args:
        rows: Their numbers in the table, shape (n_rows,).
        truth: Class numbers (n_rows,) or values (n_rows, n_targets).
        terms: Of the network, shape (n_rows, n_terms).
        units: What is independent.
        weight: What each row weighs, shape (n_rows,); None: all alike.
    """
    import pandas as pd

    if len(rows) > MAX_ROWS:
        return None
    columns: dict[str, NDArray[Any]] = {"row": rows, "unit": units.numbers}
    columns |= {f"{_TRUTH}{place}": one for place, one in enumerate(truth.reshape(len(rows), -1).T)}
    columns |= {f"{_TERM}{place}": one for place, one in enumerate(terms.T)}
    return pd.DataFrame(columns | ({} if weight is None else {"weight": weight}))


def pairs_of(runs: Sequence[StoredRun]) -> dict[tuple[int, int], Estimate]:
    """What each run's network gains over another's on the same sealed rows, by the places of the two.

    Positive where the first is better; of these two networks, not of others of their seeds. All intervals hold together
    with 95 % (Bonferroni). Runs of other rows, tables or metrics, and of releases that kept no rows, have none.
    """
    kept = {place: run.sealed for place, run in enumerate(runs) if _is_whole(run)}
    alike = [pair for pair in combinations(kept, 2) if _are_alike(*(runs[place] for place in pair))]
    found = {}
    for one, other in alike:
        gain = _paired(kept[one], kept[other], (runs[one], runs[other]), n_together=len(alike))
        if gain is not None:
            found[one, other] = gain
    return found


def _is_whole(run: StoredRun) -> bool:
    return run.is_finished and run.results.kind == "search" and len(run.sealed) > 0


def _are_alike(one: StoredRun, other: StoredRun) -> bool:
    """Whether two runs are of one metric and of tables with one content."""
    first, second = one.results, other.results
    return first.objective == second.objective and first.data.sha256 == second.data.sha256


def _paired(one: pd.DataFrame, other: pd.DataFrame, runs: Sequence[StoredRun], *, n_together: int) -> Estimate | None:
    """The difference on the rows of both; None where they are not the same rows with the same truth and weights."""
    ordered = [frame.sort_values("row", kind="stable", ignore_index=True) for frame in (one, other)]
    same, there = ([name for name in frame.columns if not name.startswith(_TERM)] for frame in ordered)
    if set(same) != set(there) or not ordered[0][same].equals(ordered[1][same]):
        return None
    terms = np.stack([_columns(frame, _TERM) for frame in ordered]).astype(np.float32)
    truth = _columns(ordered[0], _TRUTH)
    is_class = runs[0].results.task != "regression"
    added = row_influences(
        runs[0].results.objective.name, truth=truth[:, 0].astype(np.int64) if is_class else truth, terms=terms,
        weight=ordered[0]["weight"].to_numpy(np.float64) if "weight" in same else None,
    )  # fmt: skip
    units = Units.of_labels(UnitKind.COPIES, ordered[0]["unit"].to_numpy())
    return _difference(runs, correlation=_correlation(*(units.sums(one) for one in added)), n_together=n_together)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of what units add to two scores; 0 where one of them adds the same for all."""
    spreads = one.std() * other.std()
    return float(np.clip(((one - one.mean()) * (other - other.mean())).mean() / spreads, -1, 1)) if spreads > 0 else 0.0


def _difference(runs: Sequence[StoredRun], *, correlation: float, n_together: int) -> Estimate | None:
    """The difference of two scores from their intervals and from how they go together.

    The intervals know more than these rows: what the networks answered on the repeats' rows, and errors not seen.

    Source: limits of a difference from those of its parts, Zou 2007, *Toward using confidence intervals to compare
    correlations*, Psychological Methods 12.
    """
    from scipy.special import ndtri

    tests = [run.results.evidence.test for run in runs]
    sign = -runs[0].results.objective.sign
    parts = [sorted((sign * test.low, sign * test.high)) for test in tests if test is not None and test.is_known]
    if len(parts) < 2:
        return None
    values = [sign * test.value for test in tests if test is not None]
    wider = float(ndtri(1 - TAIL / n_together)) / TWO_SIDED
    below, above = ([abs(ends[side] - value) for ends, value in zip(parts, values, strict=True)] for side in (0, 1))

    def reach(first: float, second: float) -> float:
        return wider * math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))

    gain = values[0] - values[1]
    return Estimate(value=gain, low=gain - reach(below[0], above[1]), high=gain + reach(above[0], below[1]))


def _columns(frame: pd.DataFrame, head: str) -> NDArray[Any]:
    """All columns whose names begin so, as a matrix."""
    return np.asarray(frame[[name for name in frame.columns if name.startswith(head)]].to_numpy())
