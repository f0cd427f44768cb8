"""What supports the answer, computed from a run and nothing else: models side by side, finalists, effects, errors.

Every part is empty or None where a run has no such evidence: it was not asked for, or the run is unfinished or older.
Differences are positive where the first of two is better, whatever the metric's direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.reports import tables
from ffsearch.reports.tables import Estimate, RunLike
from ffsearch.search.base.confidence import SIGNIFICANT
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding

__all__ = [
    "NETWORK",
    "Bin",
    "Confusion",
    "Effect",
    "Finalist",
    "Importance",
    "Model",
    "Residuals",
    "Temperature",
    "WorstSlice",
    "bins",
    "confusion",
    "effects",
    "finalists",
    "importances",
    "loss_key",
    "models",
    "overall_loss",
    "residuals",
    "said",
    "temperature",
    "verdict",
    "worst_slices",
]

NETWORK: Final = "network"


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network or a baseline, on the same rows.

    Args:
        name: `network`, `boosting`, `linear` or `dummy`.
        test: Its score on the sealed rows.
        metrics: All scores there.
        valid: Its scores on the validation rows of the repeats.
        gain: What the network gains over it on the sealed rows, positive where the network is better; None for itself.
        settings: What it chose on the validation rows.
    """

    name: str
    test: Estimate | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    valid: tuple[float, ...] = ()
    gain: Estimate | None = None
    settings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finalist:
    """A point that was trained again in every repeat.

    Args:
        trial: Its trial.
        topology: In one line of print.
        n_params: Its parameters.
        scores: On the validation rows of each repeat; NaN where it diverged.
        searched: The score that made it a finalist.
        is_winner: Whether it was chosen.
    """

    trial: int
    topology: str
    n_params: int
    scores: tuple[float, ...]
    searched: float
    is_winner: bool


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a change of one thing does to the winner.

    Args:
        factor: What was changed: `depth`, `width`, `activation` or a regulariser.
        change: To what.
        against: What it is compared with: `winner` or `wider`.
        difference: How much better the change is; None where a network diverged.
        p_value: Adjusted for all changes asked about; NaN where a network diverged.
        finding: `better`, `worse`, `not_shown` or `diverged`.
    """

    factor: str
    change: str
    against: str
    difference: Estimate | None
    p_value: float
    finding: str


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much a parameter told the best trials from all."""

    parameter: str
    share: Estimate
    is_shown: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusion:
    """Sealed rows by true class (down) and answered class (across), counts of shape (n_classes, n_classes)."""

    labels: Sequence[str]
    counts: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Sealed rows of about one confidence, and the share of them that was so."""

    confidence: float
    n_rows: int
    share: Estimate


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """What the logits would be divided by, and what that does to the log loss of validation rows."""

    value: float
    loss_before: float
    loss_after: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Residuals:
    """Truth less prediction of some sealed rows, in the target's unit.

    Args:
        target: Its name.
        predicted: Shape (n_points,).
        residual: Shape (n_points,).
        bands: A row a band of predictions: its middle, and the 5, 25, 50, 75 and 95 % points of its residuals, shape
            (n_bands, 6).
    """

    target: str
    predicted: NDArray[np.float64]
    residual: NDArray[np.float64]
    bands: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class WorstSlice:
    """Sealed rows that share something and are answered worse than the others.

    Args:
        column: The column it goes by.
        rows: What they share: a cell, the ends of a range, or None where it is missing.
        n_rows: How many they are.
        loss: Their mean loss.
        excess: That less the mean loss of all other rows.
        p_value: Adjusted for all slices looked at.
    """

    column: str
    rows: str | float | tuple[str | float, ...] | None
    n_rows: int
    loss: Estimate
    excess: float
    p_value: float

    @property
    def is_worse(self) -> bool:
        """Whether it is shown to be worse off than other rows."""
        return self.excess > 0 and self.p_value < SIGNIFICANT


def verdict(run: RunLike) -> Verdict:
    """The verdict; one without a code and findings where there is none."""
    return Verdict.of_summary(run.summary) or Verdict(code="", findings=())


def said(run: RunLike, codes: Iterable[Code]) -> list[Finding]:
    """What the verdict says under some codes, as far as it is not silenced."""
    return tables.shown(run, verdict(run).of(codes))


def models(run: RunLike) -> list[Model]:
    """The network, then the baselines; empty where the network was compared with none."""
    listed = run.summary.get("baselines") or []
    if not listed:
        return []
    test = (run.summary.get("evidence") or {}).get("test") or {}
    scores = _frame(run, "baselines")
    network = {"name": NETWORK, "test": test or None}
    return [_model(entry, scores) for entry in (network, *listed)]


def _model(entry: Mapping[str, Any], scores: pd.DataFrame) -> Model:
    test = entry.get("test") or {}
    name = str(entry["name"])
    valid: tuple[float, ...] = ()
    if len(scores):
        rows = scores[(scores["model"] == name) & (scores["part"] == "valid")]
        valid = tuple(map(float, rows.sort_values("repeat")["value"]))
    return Model(
        name=name,
        test=_estimate(test),
        metrics={key: value for key, value in (test.get("metrics") or {}).items() if value is not None},
        valid=valid,
        gain=_estimate(entry.get("network_gain")),
        settings=entry.get("settings") or {},
    )


def finalists(run: RunLike) -> list[Finalist]:
    """The points that were trained again, the best mean first; those that diverged somewhere last."""
    frame = _frame(run, "finalists")
    if frame.empty:
        return []
    searched = run.trials.set_index("trial")["value"]
    found = [
        Finalist(
            trial=int(str(trial)),
            topology=str(rows["topology"].iloc[0]),
            n_params=int(rows["n_params"].iloc[0]),
            scores=tuple(map(float, rows.sort_values("repeat")["value"])),
            searched=float(searched.get(trial, math.nan)),
            is_winner=bool(rows["is_winner"].iloc[0]),
        )
        for trial, rows in frame.groupby("trial", sort=True)
    ]
    sign = tables.objective(run).sign
    return sorted(found, key=lambda one: (math.isnan(np.mean(one.scores)), sign * np.mean(one.scores), one.trial))


def effects(run: RunLike) -> list[Effect]:
    """What each change does to the winner, factor by factor; what is against another network than it comes last."""
    found = [
        Effect(
            factor=str(entry["factor"]),
            change=str(entry["change"]),
            against=str(entry.get("against", "winner")),
            difference=_estimate(entry),
            p_value=math.nan if entry.get("p_value") is None else float(entry["p_value"]),
            finding=str(entry["finding"]),
        )
        for entry in run.summary.get("effects") or []
    ]
    factors = list(dict.fromkeys(one.factor for one in found))
    return sorted(found, key=lambda one: (one.against != "winner", factors.index(one.factor)))


def importances(run: RunLike) -> list[Importance]:
    """How much each parameter told the best trials from all, the most important first."""
    return [
        Importance(parameter=str(entry["parameter"]), share=share, is_shown=bool(entry["is_shown"]))
        for entry in run.summary.get("importance") or []
        if (share := _estimate(entry)) is not None
    ]


def confusion(run: RunLike) -> Confusion | None:
    """Sealed rows by true and answered class."""
    found = run.summary.get("errors") or {}
    if "confusion" not in found:
        return None
    return Confusion(labels=list(map(str, found["labels"])), counts=np.asarray(found["confusion"], np.int64))


def bins(run: RunLike) -> list[Bin]:
    """The reliability curve."""
    entries = (run.summary.get("calibration") or {}).get("bins") or []
    return [
        Bin(confidence=float(entry["confidence"]), n_rows=int(entry["n_rows"]), share=share)
        for entry in entries
        if (share := _estimate(entry)) is not None
    ]


def temperature(run: RunLike) -> Temperature | None:
    """What would mend the probabilities."""
    found = (run.summary.get("calibration") or {}).get("temperature")
    return Temperature(**found) if found else None


def residuals(run: RunLike) -> list[Residuals]:
    """Residuals of every target."""
    entries = (run.summary.get("errors") or {}).get("residuals") or []
    points = _frame(run, "residuals")
    found = []
    for entry in entries:
        rows = points[points["target"] == entry["target"]] if len(points) else points
        empty = np.empty(0)
        found.append(
            Residuals(
                target=str(entry["target"]),
                predicted=rows["predicted"].to_numpy(dtype=np.float64) if len(rows) else empty,
                residual=rows["residual"].to_numpy(dtype=np.float64) if len(rows) else empty,
                bands=np.asarray(entry["bands"], np.float64),
            )
        )
    return found


def worst_slices(run: RunLike) -> list[WorstSlice]:
    """The parts of the table that are worst off, the surest first."""
    return [
        WorstSlice(
            column=str(entry["column"]), rows=_shared(entry["rows"]), n_rows=int(entry["n_rows"]), loss=loss,
            excess=float(entry["excess"]), p_value=float(entry["p_value"]),
        )
        for entry in run.summary.get("slices") or []
        if (loss := _estimate(entry)) is not None
    ]  # fmt: skip


def _shared(kept: Any) -> str | float | tuple[str | float, ...] | None:
    """What the rows of a slice share; early versions kept it in words."""
    return tuple(kept) if isinstance(kept, list) else kept


def overall_loss(run: RunLike) -> float | None:
    """Mean loss of all sealed rows, by the mean loss of a slice and its excess over the others."""
    n_test = (run.summary.get("data") or {}).get("n_test")
    slices = worst_slices(run)
    if not slices or not n_test:
        return None
    first = slices[0]
    return float(first.loss.value - first.excess * (1 - first.n_rows / int(n_test)))


def loss_key(run: RunLike) -> str:
    """Key of the text that names the loss of slices: what it is, and its unit."""
    if run.summary.get("task") != "regression":
        return "errors.loss_classes"
    return "errors.loss_standardised" if tables.n_targets(run) > 1 else "errors.loss_regression"


def _estimate(entry: Mapping[str, Any] | None) -> Estimate | None:
    """A value and its ends, if all of them are known."""
    ends = [(entry or {}).get(key) for key in ("value", "low", "high")]
    if any(end is None for end in ends):
        return None
    value, low, high = (float(end) for end in ends if end is not None)
    return Estimate(value=value, low=low, high=high)


def _frame(run: RunLike, name: str) -> pd.DataFrame:
    """A table of evidence; empty where the run has none."""
    found = getattr(run, name, None)
    return found if isinstance(found, pd.DataFrame) else pd.DataFrame()
