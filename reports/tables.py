"""What a report shows, computed from a run and nothing else: frames and values, no drawing, no words.

Everything here works for a run that has just begun, has one trial, or only diverged ones: what is not known is empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd

from ffsearch.errors import RunError
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.of_model import model_findings
from ffsearch.search.folder.reader import SPACE
from ffsearch.search.folder.results import Estimate
from ffsearch.search.folder.summary import Summary
from ffsearch.search.folder.trial_record import scores as valued
from ffsearch.search.wording.finding import Finding, reasons_in, unsilenced

__all__ = [
    "Layers",
    "NamedScore",
    "ParameterSlice",
    "RunLike",
    "ShownObjective",
    "best_row",
    "best_trial",
    "endings",
    "history",
    "kept",
    "layers",
    "n_targets",
    "objective",
    "ranked",
    "scores",
    "searched",
    "slice_groups",
    "slices",
    "space",
    "target",
    "time_parts",
]

MAX_LEVELS: Final = 12
"""Values that a number may have at most to be counted out one by one rather than in quarters."""

_IN_UNIT_OF_TARGET: Final = ("rmse", "mae")
_TOPOLOGY: Final = re.compile(r"^(\d+) -> ([\d-]+) -> (\d+)")


class RunLike(Protocol):
    """What a report reads of a run; `ffsearch.search.folder.writer.Run` has it.

    `trials` and `curves` are the frames of trials.parquet and curves.parquet. A run may also have `columns` (how each
    column of the table was understood), `notices` (what was found in the data) and `ignored` (codes of findings that
    are not shown).
    """

    @property
    def path(self) -> Path:
        """The run folder."""
        ...

    @property
    def results(self) -> Summary:
        """What it came to: summary.json, read."""
        ...

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial."""
        ...

    @property
    def curves(self) -> pd.DataFrame:
        """One row a trial and epoch."""
        ...

    @property
    def space_text(self) -> str:
        """The resolved space file."""
        ...

    @property
    def environment(self) -> Mapping[str, Any]:
        """Versions and machine."""
        ...

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its own end."""
        ...


@dataclass(frozen=True, kw_only=True)
class ShownObjective(Objective):
    """What was optimised, and the unit it is shown in.

    Args:
        name: Of the metric.
        direction: Whether its lowest or its highest value is the best.
        target: Column whose unit it is in; empty where it has a unit of its own, or none.
        is_standardised: Whether it is in standard deviations of the targets, as where they are several.
    """

    target: str = ""
    is_standardised: bool = False

    def best(self, values: pd.Series[float]) -> float:
        """The best of some values, NaN aside."""
        return float(values.min() if self.is_lower_better else values.max())

    def so_far(self, values: pd.Series[float]) -> pd.Series[float]:
        """The best up to and with each value; a NaN carries the best before it on."""
        running = values.cummin() if self.is_lower_better else values.cummax()
        return running.ffill()


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The units of a network's layers, from the columns of its matrix to its answer."""

    n_inputs: int
    hidden: tuple[int, ...]
    n_outputs: int


@dataclass(frozen=True, kw_only=True)
class NamedScore:
    """One estimate of the winner's score: `naive`, `corrected` or `test`; the interval where there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def estimate(self) -> Estimate | float:
        """The value with its interval, or alone."""
        if self.low is None or self.high is None:
            return self.value
        return Estimate(value=self.value, low=self.low, high=self.high)


@dataclass(frozen=True, kw_only=True)
class ParameterSlice:
    """The trials along one searched parameter.

    Args:
        name: The parameter.
        is_number: Whether it has an order; else its values are names.
        log: Whether it was searched on a log scale.
        has_off: Whether zero means off, apart from the other values.
        frame: trial, x, value, is_best: the trials that have a score.
    """

    name: str
    is_number: bool
    log: bool
    has_off: bool
    frame: pd.DataFrame


def objective(run: RunLike) -> ShownObjective:
    """The run's objective, with the unit of its values."""
    found = run.results.objective
    in_unit = found.name in _IN_UNIT_OF_TARGET
    return ShownObjective(
        name=found.name,
        direction=found.direction,
        target=target(run) if in_unit and n_targets(run) == 1 else "",
        is_standardised=in_unit and n_targets(run) > 1,
    )


def layers(topology: str | None) -> Layers | None:
    """The layers that a topology line tells; None where there is no line.

    Example:
        >>> layers("13 -> 256-128 -> 3 relu bn (36k parameters)")
        Layers(n_inputs=13, hidden=(256, 128), n_outputs=3)
    """
    match = _TOPOLOGY.match(topology or "")
    if match is None:
        return None
    hidden = tuple(int(units) for units in match[2].split("-") if units)
    return Layers(n_inputs=int(match[1]), hidden=hidden, n_outputs=int(match[3]))


def target(run: RunLike) -> str:
    """What is predicted: the target columns."""
    return ", ".join(run.results.data.target)


def n_targets(run: RunLike) -> int:
    """How many columns are predicted."""
    return len(run.results.data.target)


def history(run: RunLike) -> pd.DataFrame:
    """Trials in their order.

    Returns:
        Columns trial, value (NaN for a diverged or failed trial, whatever the sampler was told), ended, is_best, and
        best_so_far, in which pruned trials count only if all were.
    """
    trials = run.trials.sort_values("trial")
    frame = pd.DataFrame({"trial": trials["trial"].astype(int), "value": valued(trials), "ended": trials["ended"]})
    frame["best_so_far"] = objective(run).so_far(_contenders(frame))
    frame["is_best"] = frame["trial"] == best_trial(run)
    return frame.reset_index(drop=True)


def best_trial(run: RunLike) -> int | None:
    """The winner's number, before there is one that of the best so far; None without any score."""
    best = run.results.best
    return None if best is None else best.trial


def best_row(run: RunLike) -> dict[str, Any]:
    """The winner's row of the trials, with plain values; empty when there is none."""
    trial = best_trial(run)
    rows = run.trials[run.trials["trial"] == trial].to_dict("records") if trial is not None else []
    return {str(name): value for name, value in rows[0].items()} if rows else {}


def ranked(run: RunLike) -> pd.DataFrame:
    """All trials with all columns: the winner, then by value (as in `history`), then those without one."""
    trials = run.trials.assign(value=valued(run.trials), is_best=run.trials["trial"] == best_trial(run))
    order = trials.sort_values(
        ["is_best", "value", "trial"], ascending=[False, objective(run).is_lower_better, True], na_position="last"
    )
    return order.reset_index(drop=True)


def slices(run: RunLike) -> list[ParameterSlice]:
    """One slice for every parameter of which scored trials have at least two values, in the space file's order."""
    scored = ranked(run).dropna(subset=["value"]).sort_values("trial")
    ranges = searched(run)
    names = [str(column).removeprefix("point.") for column in scored.columns if str(column).startswith("point.")]
    names.sort(key=lambda name: list(ranges).index(name) if name in ranges else len(ranges))
    made = [_slice(scored, name, ranges.get(name, {})) for name in names]
    return [each for each in made if each is not None and each.frame["x"].nunique() > 1]


def searched(run: RunLike) -> dict[str, Mapping[str, Any]]:
    """The parameters that were searched, as the space file writes them, in its order."""
    found = space(run).get("space")
    return {name: entry for name, entry in found.items() if isinstance(entry, dict)} if isinstance(found, dict) else {}


def slice_groups(part: ParameterSlice, objective: Objective) -> pd.DataFrame:
    """A slice as a table: its values, or quarters of them, with the trials, best and median score of each.

    Returns:
        Columns low, high (equal for single values), n, best, median; numbers ascending, names by their median.
    """
    frame = part.frame
    if part.is_number and frame["x"].nunique() > MAX_LEVELS:
        numbers = frame["x"].where(frame["x"] > 0) if part.has_off else frame["x"]
        key = pd.qcut(numbers, 4, labels=False, duplicates="drop").fillna(-1)
    else:
        key = frame["x"]
    groups = frame.groupby(key, sort=True)
    low, high = (groups["x"].min(), groups["x"].max()) if part.is_number else (groups["x"].first(),) * 2
    best = groups["value"].min() if objective.is_lower_better else groups["value"].max()
    table = pd.DataFrame(
        {"low": low, "high": high, "n": groups.size(), "best": best, "median": groups["value"].median()}
    )
    if not part.is_number:
        table = table.sort_values("median", ascending=objective.is_lower_better, kind="stable")
    return table.reset_index(drop=True)


def endings(run: RunLike) -> pd.DataFrame:
    """Why trials ended, the commonest reason first: columns ended, n, train_s."""
    groups = run.trials.groupby("ended", sort=True)
    table = pd.DataFrame({"n": groups.size(), "train_s": groups["train_s"].sum()})
    return table.sort_values("n", ascending=False, kind="stable").reset_index(names="ended")


def time_parts(run: RunLike) -> dict[str, float]:
    """Seconds of the run by what they went into: compile, train, rest; empty while the wall time is not known.

    Trials that train side by side share their seconds, so the parts never sum to more than the wall time.
    """
    search = run.results.search
    wall, train, compiling = search.wall_s, search.train_s, search.compile_s
    if wall <= 0:
        return {}
    fit = min(1.0, wall / train) if train > 0 else 0.0
    compiling = min(compiling, train)
    return {"compile": compiling * fit, "train": (train - compiling) * fit, "rest": max(0.0, wall - train)}


def scores(run: RunLike) -> list[NamedScore]:
    """What is known of the winner's score, the most flattering estimate first."""
    evidence = run.results.evidence
    found = [] if evidence.naive is None else [NamedScore(name="naive", value=evidence.naive.value)]
    for name, score in (("corrected", evidence.corrected), ("test", evidence.test)):
        if score is not None and not math.isnan(score.value):
            ends = {"low": score.low, "high": score.high} if score.is_known else {}
            found.append(NamedScore(name=name, value=score.value, **ends))
    return found


def _contenders(trials: pd.DataFrame) -> pd.Series[float]:
    """Scores of what may be the best so far; a pruned trial's counts only where there is no other."""
    trained = trials["value"].where(trials["ended"] != "pruned")
    return trained if trained.notna().any() else trials["value"]


def _slice(scored: pd.DataFrame, name: str, searched: Mapping[str, Any]) -> ParameterSlice | None:
    """The slice of one parameter; None for one that is a list or has no value."""
    frame = scored[["trial", f"point.{name}", "value", "is_best"]].set_axis(["trial", "x", "value", "is_best"], axis=1)
    frame = frame.dropna(subset=["x"])
    if frame.empty or not frame["x"].map(np.isscalar).all():
        return None
    is_number = (
        searched.get("type") != "choice" and not frame["x"].map(lambda x: isinstance(x, bool | np.bool_ | str)).any()
    )
    if not is_number:
        return ParameterSlice(name=name, is_number=False, log=False, has_off=False, frame=frame.astype({"x": str}))
    frame = frame.astype({"x": float})
    positive = frame.loc[frame["x"] > 0, "x"]
    log = bool(searched.get("log", False)) and not positive.empty
    has_off = bool((frame["x"] == 0).any()) and (log or bool(searched.get("zero")))
    return ParameterSlice(name=name, is_number=True, log=log, has_off=has_off, frame=frame)


def notices(run: RunLike) -> list[Finding]:
    """What was found in the data."""
    return list(getattr(run, "notices", None) or ())


def kept(run: RunLike, name: str) -> pd.DataFrame:
    """A table of evidence; empty where the run has none, or it is damaged, which is among the `gaps`.

    Args:
        run: The run.
        name: Of the table: `finalists`, `partners`, `baselines`, `residuals`.
    """
    try:
        found = getattr(run, name, None)
    except RunError:
        return pd.DataFrame()
    return found if isinstance(found, pd.DataFrame) else pd.DataFrame()


def gaps(run: RunLike) -> list[Finding]:
    """What the evidence lacks, and what baselines lack of it."""
    damaged = getattr(run, "damaged", ())
    return [*damaged, *run.results.evidence.notices, *(note for model in run.results.baselines for note in model.notes)]


def findings(run: RunLike) -> list[Finding]:
    """All findings of a run, each once: what is worth knowing of a column is among its reasons and its notices."""
    said = {(notice.code, notice.about) for notice in notices(run)}
    columns = getattr(run, "columns", None) or ()
    reasons = [(column["name"], reason) for column in columns for reason in reasons_in(column)]
    verdict = run.results.verdict
    found = [*notices(run), *(one for name, one in reasons if (one.code, name) not in said), *gaps(run)]
    found += model_findings(run.results)
    return found if verdict is None else [*found, *verdict.sentences]


def ignored(run: RunLike) -> tuple[str, ...]:
    """The codes that the space file silences."""
    return tuple(getattr(run, "ignored", ()))


def shown(run: RunLike, told: Iterable[Finding]) -> list[Finding]:
    """Those of some findings that are not silenced."""
    return unsilenced(told, ignored(run))


def space(run: RunLike) -> Mapping[str, Any]:
    """The space file as plain values; empty if its text is none."""
    from ffsearch.spaces.document import read_document

    read = read_document(run.space_text, origin=SPACE)
    return read.values if isinstance(read.values, dict) and not read.faults else {}
