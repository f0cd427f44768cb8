"""What is kept of a trial that ended: one record, one line of the log, one row of the table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.kept_trial import point_kept, trial_kept
from ffsearch.search.network.topology import STUDY_ONLY, Point
from ffsearch.search.training.protocol import Curve, Ended
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.language import PLAIN

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Told",
    "TrialRecord",
    "bad_value",
    "curves_frame",
    "end_of",
    "now",
    "repeats_frame",
    "scores",
    "told_history",
    "trials_frame",
]

_CURVES: Final = ("train_loss", "valid_loss", "penalty")


def now() -> str:
    """This moment, ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def end_of(ended: str, *, n: int, best: int, n_folds_judged: int) -> Finding:
    """Why a trial ended.

    Args:
        ended: In a word, a member of `Ended`.
        n: Epochs trained.
        best: The best of them.
        n_folds_judged: Folds after which a pruner ended it; 0 where none did so between folds.
    """
    code = Code[f"TRIAL_{ended.upper()}"]
    if code is Code.TRIAL_PRUNED:
        return found(code, "folds", n=n_folds_judged) if n_folds_judged else found(code, "epochs", n=n)
    return found(code, n=n, best=best)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an engine is told of a trial that ended.

    Args:
        trial: Its number.
        point: Its point.
        value: Its objective, always finite: a diverged or failed trial brings a finite bad value with it, so that a
            sampler learns to avoid it.
        ended: Why it ended.
        valid_loss: Validation loss at every evaluation, as a pruner saw it; finite entries only.
        fold_losses: Lowest validation loss of every fold, where it has several and all came to their own end.
    """

    trial: int
    point: Point
    value: float
    ended: Ended
    valid_loss: tuple[float, ...]
    fold_losses: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialRecord:
    """A trial that ended, with all that is known of it.

    Args:
        trial: Its number, from 0.
        point: What was trained.
        topology: The point in one line of print.
        n_params: All parameters of the network.
        value: The objective in its own unit, or None when it diverged or failed.
        valid_loss: Lowest validation loss on the head's scale, or None.
        metrics: Other scores on the validation rows by name; NaN where one cannot be had.
        ended: Why it ended.
        best_epoch: Epochs trained until the lowest validation loss; 0 when there was none.
        n_epochs: Epochs trained.
        n_updates: Updates until the end of the best epoch.
        train_s: Seconds it took, with compiling.
        compile_s: Seconds of those spent building and compiling.
        seed: The run's seed and the key of the trial's own child of it.
        curve: Learning curves, one entry an evaluation.
        repeat_of: The first trial of the same point, when this is another seed of it.
        error: Text of the error when it failed.
        ended_at: When it ended, ISO 8601 in UTC.
        notes: Anything else, fit for JSON (values of single folds, a trainer's remarks).
    """

    trial: int
    point: Point
    topology: str
    n_params: int
    value: float | None
    valid_loss: float | None
    metrics: Mapping[str, float]
    ended: Ended
    best_epoch: int
    n_epochs: int
    n_updates: int
    train_s: float
    compile_s: float
    seed: tuple[int, ...]
    curve: Curve
    repeat_of: int | None = None
    error: str | None = None
    ended_at: str = field(default_factory=now)
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """Why it ended, in the words every table uses: `stopped at 37, best 21`."""
        end = end_of(self.ended, n=self.n_epochs, best=self.best_epoch, n_folds_judged=self.n_folds_judged)
        return PLAIN.says(end)

    @property
    def first_of_point(self) -> int:
        """Number of the first trial of the same point: its own, unless it repeats one."""
        return self.trial if self.repeat_of is None else self.repeat_of

    @property
    def n_folds_judged(self) -> int:
        """Folds after which a pruner ended it; 0 where it was pruned within its first fold, or not at all."""
        folds = self.notes.get("folds", ())
        is_within = any(fold["ended"] == Ended.PRUNED for fold in folds if fold["fold"] == 0)
        return 0 if self.ended is not Ended.PRUNED or is_within else len(folds)

    def told(self, *, otherwise: float) -> Told:
        """What an engine is told of it.

        Args:
            otherwise: Finite value of a trial without one of its own; `bad_value` gives it.
        """
        losses = tuple(float(loss) for loss in self.curve.valid_loss if math.isfinite(loss))
        return Told(
            trial=self.trial,
            point=self.point,
            value=otherwise if self.value is None else self.value,
            ended=self.ended,
            valid_loss=losses,
            fold_losses=self._fold_losses(),
        )

    def _fold_losses(self) -> tuple[float, ...]:
        """The lowest validation loss of every fold of a trial that had them all."""
        if self.ended not in (Ended.STOPPED, Ended.COMPLETED):
            return ()
        losses = [fold.get("valid_loss") for fold in self.notes.get("folds", ())]
        return () if None in losses else tuple(losses)

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for strict JSON: what is not finite becomes None."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        curve = {name: _short_floats(getattr(self.curve, name)) for name in _CURVES} | {"every": self.curve.every}
        metrics = {name: _plain_float(value) for name, value in self.metrics.items()}
        return plain | {
            "point": self.point.as_dict(),
            "ended": str(self.ended),
            "value": _plain_float(self.value),
            "valid_loss": _plain_float(self.valid_loss),
            "metrics": metrics,
            "error": None if self.error is None else self.error.encode("utf-8", "backslashreplace").decode(),
            "seed": list(self.seed),
            "curve": curve,
            "notes": dict(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialRecord:
        """The record that `as_dict` wrote; names a newer version added are left out.

        Raises:
            ValueError: If it is none: something is missing, of another type, or out of all bounds.
        """
        kept = trial_kept(values)
        known = {f.name: kept[f.name] for f in fields(cls) if f.name in kept}
        curve = {name: _float32(known["curve"][name]) for name in _CURVES}
        return cls(
            **known
            | {
                "point": point_kept(known["point"]),
                "ended": Ended(known["ended"]),
                "metrics": {name: math.nan if value is None else value for name, value in known["metrics"].items()},
                "seed": tuple(known["seed"]),
                "curve": Curve(**curve, every=known["curve"].get("every", 1)),  # once every epoch was looked at
            }
        )


def bad_value(values: Iterable[float | None], *, naive: float, objective: Objective) -> float:
    """A finite value for a trial that has none: as bad as the worst one seen, and no better than guessing.

    choice: within the range of real values, because samplers that standardise what they are told (Gaussian processes)
    would see nothing but the cliff if it were 1e9.

    Args:
        values: Values of the trials told before, None among them.
        naive: Value of an answer that ignores the features.
        objective: What is optimised.
    """
    sign = objective.sign
    return sign * max([sign * naive, *(sign * value for value in values if value is not None)])


def told_history(records: Sequence[TrialRecord], *, naive: float, objective: Objective) -> list[Told]:
    """What an engine was told, in the order it was told; the same whether the run was interrupted or not."""
    history: list[Told] = []
    worst = naive
    for record in records:
        history.append(record.told(otherwise=worst))
        worst = bad_value([record.value], naive=worst, objective=objective)
    return history


def trials_frame(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """A row a trial in the order of their numbers; the point under `point.NAME`, other scores under `metric.NAME`."""
    import pandas as pd

    ordered = sorted(records, key=lambda record: record.trial)
    columns: dict[str, list[Any]] = {name: [getattr(record, name) for record in ordered] for name in _DTYPES}
    columns["ended"] = [str(record.ended) for record in ordered]
    columns["seed"] = ["/".join(map(str, record.seed)) for record in ordered]
    for name in _POINT_DTYPES:
        columns[f"point.{name}"] = [_cell(getattr(record.point, name)) for record in ordered]
    for name in dict.fromkeys(name for record in ordered for name in record.metrics):
        columns[f"metric.{name}"] = [record.metrics.get(name, math.nan) for record in ordered]
    dtypes = _DTYPES | {f"point.{name}": dtype for name, dtype in _POINT_DTYPES.items()}
    return pd.DataFrame({name: pd.Series(cells, dtype=dtypes.get(name, "float64")) for name, cells in columns.items()})


def scores(trials: pd.DataFrame) -> pd.Series[float]:
    """The values of a row a trial that are finite; NaN elsewhere, also where a sampler was told one all the same."""
    import pandas as pd

    values = pd.to_numeric(trials["value"], errors="coerce").astype(float)
    without = [str(end) for end in Ended if not end.has_value]
    return values.where(np.isfinite(values) & ~trials["ended"].isin(without))


def repeats_frame(records: Mapping[tuple[int, int], TrialRecord]) -> pd.DataFrame:
    """A row a point and repeat, the columns those of trials; `trial` is the number of the point.

    Args:
        records: By number of the point and repeat.
    """
    import pandas as pd

    rows = [
        trials_frame([record]).assign(repeat=repeat)
        for (_, repeat), record in sorted(records.items(), key=lambda one: one[0])
    ]
    frame = pd.concat(rows, ignore_index=True)
    frame.insert(1, "repeat", frame.pop("repeat"))
    return frame.drop(columns="repeat_of")


def curves_frame(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """A row an evaluation of every trial: trial, epochs trained until then, train_loss, valid_loss, penalty."""
    import pandas as pd

    ordered = sorted(records, key=lambda record: record.trial)
    lengths = [record.curve.n_looks for record in ordered]
    series = {
        name: np.concatenate([np.empty(0, np.float32), *(getattr(record.curve, name) for record in ordered)])
        for name in _CURVES
    }
    trial = np.repeat(np.array([record.trial for record in ordered], dtype=np.int64), lengths)
    epoch = np.concatenate([np.empty(0, np.int64), *(record.curve.epochs for record in ordered)])
    return pd.DataFrame({"trial": trial, "epoch": epoch, **series})


_DTYPES: Final = {
    "trial": "int64",
    "value": "float64",
    "valid_loss": "float64",
    "ended": "str",
    "why": "str",
    "n_folds_judged": "int64",
    "best_epoch": "int64",
    "n_epochs": "int64",
    "n_updates": "int64",
    "n_params": "int64",
    "topology": "str",
    "train_s": "float64",
    "compile_s": "float64",
    "repeat_of": "Int64",
    "seed": "str",
    "error": "str",
    "ended_at": "str",
}

_POINT_DTYPES: Final = {
    **{f.name: "float64" for f in fields(Point) if f.name not in STUDY_ONLY},
    **dict.fromkeys(("activation", "widths", "numbers", "augment_balance"), "str"),
    "depth": "int64",
    "width": "int64",
    "batch_norm": "bool",
    "residual": "bool",
}


def _cell(value: object) -> object:
    """A point's value as one cell: a list of widths in the way topologies are printed."""
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return str(value) if isinstance(value, str) else value


def _plain_float(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _short_floats(values: Iterable[np.float32]) -> list[float | None]:
    """The shortest decimals that read back as the same float32; half as long as those of the same float64."""
    return [float(str(value)) if math.isfinite(value) else None for value in values]


def _float32(values: Iterable[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float32)
