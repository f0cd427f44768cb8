"""What supports the answer, computed from a run and nothing else: models side by side, finalists, effects, errors.

Every part is empty or None where a run has no such evidence: it was not asked for, or the run is unfinished or older.
Differences are positive where the first of two is better, whatever the metric's direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.reports import tables
from ffsearch.reports.tables import RunLike
from ffsearch.search.folder.results import (
    Effect,
    Estimate,
    Residuals,
    SealedScores,
)
from ffsearch.search.folder.verdict import Verdict
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding

__all__ = [
    "NETWORK",
    "Confusion",
    "Contender",
    "Finalist",
    "confusion",
    "effects",
    "finalists",
    "loss_key",
    "models",
    "overall_loss",
    "residuals",
    "said",
    "verdict",
]

NETWORK: Final = "network"

_POINTS: Final = ["predicted", "residual"]

E = TypeVar("E", bound=Estimate)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """The network or a baseline, on the same rows.

    Args:
        name: `network`, `boosting`, `linear` or `dummy`.
        test: Its scores on the sealed rows.
        valid: Its scores on the validation rows of the repeats.
        gain: What the network gains over it on the sealed rows, positive where the network is better; None for itself.
        settings: What it chose on the validation rows.
        fixed: Settings that nothing chose.
        n_tried: How many settings it chose among; None where that was not kept.
    """

    name: str
    test: SealedScores | None = None
    valid: tuple[float, ...] = ()
    gain: Estimate | None = None
    settings: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    n_tried: int | None = None


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusion:
    """Sealed rows by true class (down) and answered class (across), counts of shape (n_classes, n_classes)."""

    labels: Sequence[str]
    counts: NDArray[np.int64]


def verdict(run: RunLike) -> Verdict:
    """The verdict; one without a code and findings where there is none."""
    return run.results.verdict or Verdict.of_findings("", ())


def said(run: RunLike, codes: Iterable[Code]) -> list[Finding]:
    """What the verdict says under some codes, as far as it is not silenced."""
    return tables.shown(run, verdict(run).of(codes))


def models(run: RunLike) -> list[Contender]:
    """The network, then the baselines; empty where the network was compared with none."""
    if not run.results.baselines:
        return []
    scores = tables.kept(run, "baselines")
    return [
        Contender(
            name=NETWORK,
            test=_scored(run.results.evidence.test),
            valid=_valid(NETWORK, scores),
            n_tried=len(run.trials),
        ),
        *(
            Contender(
                name=one.name,
                test=_scored(one.test),
                valid=_valid(one.name, scores),
                gain=_known(one.network_gain),
                settings=one.settings,
                fixed=one.fixed,
                n_tried=one.n_tried,
            )
            for one in run.results.baselines
        ),
    ]


def _valid(name: str, scores: pd.DataFrame) -> tuple[float, ...]:
    """A model's scores on the validation rows of the repeats, in their order."""
    if scores.empty:
        return ()
    rows = scores[(scores["model"] == name) & (scores["part"] == "valid")]
    return tuple(map(float, rows.sort_values("repeat")["value"]))


def finalists(run: RunLike) -> list[Finalist]:
    """The points that were trained again, the best mean first; those that diverged somewhere last."""
    frame = tables.kept(run, "finalists")
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
    found = run.results.effects
    factors = list(dict.fromkeys(one.factor for one in found))
    return sorted(found, key=lambda one: (one.against != "winner", factors.index(one.factor)))


def confusion(run: RunLike) -> Confusion | None:
    """Sealed rows by true and answered class."""
    errors = run.results.errors
    if errors is None or not errors.confusion:
        return None
    return Confusion(labels=errors.labels, counts=np.asarray(errors.confusion, np.int64))


def residuals(run: RunLike) -> list[Residuals]:
    """Residuals of every target."""
    errors, points = run.results.errors, tables.kept(run, "residuals")
    if errors is None:
        return []
    found = []
    for one in errors.residuals:
        rows = points[points["target"] == one.target] if len(points) else pd.DataFrame(columns=_POINTS)
        predicted, residual = (rows[name].to_numpy(dtype=np.float64) for name in _POINTS)
        bands = np.asarray(one.bands, np.float64)
        found.append(Residuals(target=one.target, predicted=predicted, residual=residual, bands=bands))
    return found


def overall_loss(run: RunLike) -> float | None:
    """Mean loss of all sealed rows, by the mean loss of a slice and its excess over the others."""
    n_test, slices = run.results.data.n_test, run.results.slices
    if not slices or not n_test:
        return None
    first = slices[0]
    return first.value - first.excess * (1 - first.n_rows / n_test)


def loss_key(run: RunLike) -> str:
    """Key of the text that names the loss of slices: what it is, and its unit."""
    if run.results.task != "regression":
        return "errors.loss_classes"
    return "errors.loss_standardised" if tables.n_targets(run) > 1 else "errors.loss_regression"


def _scored(scores: SealedScores | None) -> SealedScores | None:
    """Scores that are defined; of a single group they have no interval."""
    return None if scores is None or math.isnan(scores.value) else scores


def _known(estimate: E | None) -> E | None:
    """An estimate whose value and ends are all known."""
    return estimate if estimate is not None and estimate.is_known else None
