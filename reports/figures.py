"""A run's figures for notebooks and papers: each a function that returns a matplotlib Figure.

ffsearch.load("runs/tabular").figures.history().savefig("history.pdf")
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import NoReturn

from matplotlib.figure import Figure

from ffsearch.errors import RunError
from ffsearch.reports import (
    capacity_plots,
    columns_plots,
    error_plots,
    evidence,
    evidence_plots,
    fronts,
    parallel,
    parameter_plots,
    plots,
    row_interval_plots,
    tables,
    thresholds,
)
from ffsearch.reports.capacity_tables import StudyTables, study_tables
from ffsearch.reports.curves import learning_curves
from ffsearch.reports.evidence_sections import SHAPE
from ffsearch.reports.help_sections import helps_figure
from ffsearch.reports.layers_sections import layers_figure
from ffsearch.reports.style import WIDE
from ffsearch.reports.tables import ParameterSlice, RunLike
from ffsearch.search.folder.results import Effect
from ffsearch.search.wording.language import language, shortened

__all__ = ["Figures"]


class Figures:
    """The figures of a run. One that the run has no data for raises a RunError that says what it lacks.

    Args:
        run: The run.
        lang: Language of their texts: `en` or `pt-BR`.
        width: Pixels they are drawn for: text keeps its size, so narrow ones are laid out for a phone or a column.

    Raises:
        FFSearchError: If there are no texts in that language.
    """

    def __init__(self, run: RunLike, *, lang: str = "en", width: int = WIDE) -> None:
        self._run, self._width = run, width
        self._t = language(lang)
        self._objective = tables.objective(run)

    def __getattr__(self, name: str) -> NoReturn:
        names = [known for known in dir(type(self)) if not known.startswith("_") and known != "names"]
        near = get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise AttributeError(f"There is no figure {name!r}.{hint} There are: {', '.join(names)}.")

    def __repr__(self) -> str:
        return f"Figures({', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """Names of all figures."""
        return [name for name, value in vars(type(self)).items() if callable(value) and not name.startswith("_")]

    def models(self) -> Figure:
        """All models on the sealed test, with intervals."""
        models = [one for one in evidence.models(self._run) if one.test is not None]
        self._need(models, "baselines on a sealed test")
        return evidence_plots.models(models, self._objective, t=self._t, width=self._width)

    def gains(self) -> Figure:
        """What the network gains over each baseline, with intervals."""
        models = [one for one in evidence.models(self._run) if one.gain is not None]
        self._need(models, "baselines on a sealed test")
        return evidence_plots.gains(models, self._objective, t=self._t, width=self._width)

    def threshold(self) -> Figure:
        """What each threshold of one of two classes comes to."""
        found = self._run.results.threshold
        if found is None:
            raise self._lack("two classes, and repeats whose rows tell thresholds apart")
        return thresholds.panel(found, t=self._t, width=self._width)

    def columns(self) -> Figure:
        """What shuffling each column of the table costs the network, and boosted trees."""
        found = self._run.results.columns
        if found is None:
            raise self._lack("columns that were shuffled: evidence.columns asks it")
        return columns_plots.importances(found, t=self._t, width=self._width)

    def dependence(self) -> Figure:
        """How the answer changes along the columns of numbers that carry it."""
        found = self._run.results.columns
        if found is None or not found.curves:
            raise self._lack("column of numbers that is shown to carry the answer")
        return columns_plots.curves(found, t=self._t, width=self._width)

    def row_intervals(self) -> Figure:
        """How many of the sealed rows the intervals for one row hold, beside what they promise."""
        found = self._run.results.row_intervals
        if found is None or not found.levels:
            raise self._lack("intervals for one row: they need repeats, and a sealed test")
        return row_interval_plots.held(found, t=self._t, width=self._width)

    def layers(self) -> Figure:
        """How much of the target a linear model reads off after each hidden layer."""
        found = self._run.results.layers
        self._need(found, "layers that were probed: evidence.layers asks it")
        return layers_figure(found, self._run.results.shallow_twin, t=self._t, width=self._width)

    def helps(self) -> Figure:
        """What more rows, fewer columns, other topologies or boosted trees would gain over this network."""
        known = [one for one in self._run.results.helps if one.gain is not None]
        self._need(known, "way whose gain is known")
        return helps_figure(known, self._objective, t=self._t, width=self._width)

    def network(self) -> Figure:
        """The winner's layers."""
        layers = tables.layers(tables.best_row(self._run).get("topology"))
        if layers is None:
            raise self._lack("a network with a score")
        return plots.network(layers, t=self._t, width=self._width)

    def scores(self) -> Figure:
        """The naive score, the corrected one and the sealed test on one line."""
        scores = tables.scores(self._run)
        self._need(scores, "a score")
        return plots.score_line(scores, self._objective, t=self._t, width=self._width)

    def finalists(self) -> Figure:
        """The finalists' scores in every repeat."""
        finalists = evidence.finalists(self._run)
        self._need(finalists, "finalists")
        return evidence_plots.finalists(finalists, self._objective, t=self._t, width=self._width)

    def shape(self) -> Figure:
        """What more or less depth and width does to the winner."""
        return self._effects([one for one in evidence.effects(self._run) if one.factor in SHAPE])

    def effects(self) -> Figure:
        """What another activation, and each regulariser on or off, does to the winner."""
        return self._effects([one for one in evidence.effects(self._run) if one.factor not in SHAPE])

    def importances(self) -> Figure:
        """How much each parameter told the best trials from all."""
        importances = self._run.results.importance
        self._need(importances, "importances: they need 15 trials with a score")
        return evidence_plots.importances(importances, t=self._t, width=self._width)

    def learning(self) -> Figure:
        """The winner's learning curve among the others'."""
        curves = learning_curves(self._run)
        if curves is None or not curves.best["valid_loss"].notna().any():
            raise self._lack("a learning curve")
        return plots.learning(curves, t=self._t, width=self._width)

    def history(self) -> Figure:
        """Every trial's score in the order of the search."""
        history = tables.history(self._run)
        if not history["value"].notna().any():
            raise self._lack("a trial with a score")
        return plots.search_history(history, self._objective, t=self._t, width=self._width)

    def front(self) -> Figure:
        """Every trial's score against the size of its network, and the networks worth their size."""
        front = fronts.front(self._run)
        self._need(len(front), "a trial with a score")
        history = fronts.sizes(self._run)
        return fronts.score_by_size(history, front, self._objective, t=self._t, width=self._width)

    def parallel(self) -> Figure:
        """Trials as lines through their parameters."""
        return parallel.parallel(self._slices(), self._objective, t=self._t, width=self._width)

    def numbers(self) -> Figure:
        """Searched numbers against the score."""
        parts = [part for part in self._slices() if part.is_number]
        self._need(parts, "searched numbers")
        return parameter_plots.number_clouds(parts, self._objective, t=self._t, width=self._width)

    def choices(self) -> Figure:
        """Searched choices against the score."""
        parts = [part for part in self._slices() if not part.is_number]
        self._need(parts, "searched choices")
        return parameter_plots.choice_strips(parts, self._objective, t=self._t, width=self._width)

    def endings(self) -> Figure:
        """Why trials ended."""
        endings = tables.endings(self._run)
        self._need(len(endings), "a trial that ended")
        return plots.ending_reasons(endings, t=self._t, width=self._width)

    def time(self) -> Figure:
        """What the run's time went into."""
        parts = tables.time_parts(self._run)
        self._need(parts, "a wall time")
        return plots.time_spent(parts, t=self._t, width=self._width)

    def confusion(self) -> Figure:
        """Sealed rows by true and answered class."""
        part = evidence.confusion(self._run)
        if part is None:
            raise self._lack("answers of classes on a sealed test")
        return error_plots.confusion(part, t=self._t, width=self._width)

    def reliability(self) -> Figure:
        """Whether the network's probabilities come true."""
        found, part = self._run.results.calibration, evidence.confusion(self._run)
        if found is None:
            raise self._lack("probabilities on a sealed test")
        labels = part.labels if part is not None else []
        label = (
            self._t("errors.confidence_two", label=shortened(labels[1]))
            if len(labels) == 2
            else self._t("errors.confidence")
        )
        return error_plots.reliability(found.bins, label=label, t=self._t, width=self._width)

    def residuals(self, target: str | None = None) -> Figure:
        """Residuals of a target; of the first one if none is named."""
        parts = {part.target: part for part in evidence.residuals(self._run)}
        self._need(parts, "answers of numbers on a sealed test")
        if target is not None and target not in parts:
            raise RunError(f"{target!r} is no target of {self._run.path}; its targets are: {', '.join(parts)}.")
        part = parts[target] if target is not None else next(iter(parts.values()))
        return error_plots.residuals(part, t=self._t, width=self._width)

    def slices(self) -> Figure:
        """The parts of the table that are worst off."""
        parts, overall = self._run.results.slices, evidence.overall_loss(self._run)
        if not parts or overall is None:
            raise self._lack("slices of 20 sealed rows or more")
        label = self._t(evidence.loss_key(self._run))
        return error_plots.slices(parts, overall=overall, label=label, t=self._t, width=self._width)

    def score_by_depth(self) -> Figure:
        """Of a capacity study: score against depth, a line a budget (figure 6.6 of Goodfellow et al. 2016)."""
        return capacity_plots.score_by_depth(self._study(), t=self._t, width=self._width)

    def score_by_size(self) -> Figure:
        """Of a capacity study: score against parameters, a line a depth (figure 6.7 of the same)."""
        return capacity_plots.score_by_size(self._study(), t=self._t, width=self._width)

    def depth_gains(self) -> Figure:
        """Of a capacity study: what each depth gains over the shallowest at equal size."""
        return capacity_plots.gains(self._study(), t=self._t, width=self._width)

    def map_of_scores(self) -> Figure:
        """Of a capacity study: the score of every cell."""
        return capacity_plots.map_of_scores(self._study(), t=self._t, width=self._width)

    def map_of_rates(self) -> Figure:
        """Of a capacity study: the learning rate that was best in every cell."""
        return capacity_plots.map_of_rates(self._study(), t=self._t, width=self._width)

    def _study(self) -> StudyTables:
        study = study_tables(self._run) if self._run.results.kind == "capacity" else None
        if study is None:
            raise RunError(
                f"{self._run.path} is no capacity study that came to its end: `ffsearch run capacity` is one."
            )
        return study

    def _effects(self, parts: list[Effect]) -> Figure:
        self._need([one for one in parts if one.is_known], "networks that differ from the winner in one thing")
        return evidence_plots.effects(parts, self._objective, t=self._t, width=self._width)

    def _slices(self) -> list[ParameterSlice]:
        slices = tables.slices(self._run)
        self._need(slices, "a parameter with two values among its scored trials")
        return slices

    def _need(self, there: object, what: str) -> None:
        """Refuse to draw what there is nothing of."""
        if not there:
            raise self._lack(what)

    def _lack(self, what: str) -> RunError:
        state = "" if self._run.is_finished else ", for it is not finished"
        return RunError(
            f"{self._run.path} has no {what}{state}. Figures of the evidence need `evidence: full` and a sealed test; "
            "those of the search need trials with a score."
        )
