"""A run in a notebook: its figures, its card, its report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import ffsearch
from examples import RMSE, a_finished_run, opened
from ffsearch.errors import FFSearchError, RunError
from ffsearch.reports.error_plots import confusion
from ffsearch.reports.evidence import Confusion
from ffsearch.reports.figures import Figures
from ffsearch.search.folder.answer_frames import AnswerFrames
from ffsearch.search.folder.summary import Summary

ONLY_CLASSES = {"confusion", "reliability", "threshold"}
ONLY_NUMBERS = {"residuals"}
OF_STUDIES = {"score_by_depth", "score_by_size", "depth_gains", "map_of_scores", "map_of_rates"}
OF_THE_SEARCH = {
    "network", "scores", "learning", "history", "front", "parallel", "numbers", "choices", "endings", "time",
}  # fmt: skip


def drawn(figures: Figures) -> set[str]:
    """The figures there is something for; the others say what the run lacks."""
    names = set()
    for name in figures.names:
        try:
            figure = getattr(figures, name)()
        except RunError:
            continue
        assert isinstance(figure, Figure)
        names.add(name)
    return names


def test_every_figure_is_drawn_where_a_run_has_its_data(make_run: Any) -> None:
    classes = Figures(make_run(20, evidence=True))
    numbers = Figures(make_run(20, evidence=True, objective=RMSE), lang="pt-BR", width=360)
    assert drawn(classes) == set(classes.names) - ONLY_NUMBERS - OF_STUDIES
    assert drawn(numbers) == set(numbers.names) - ONLY_CLASSES - OF_STUDIES


def test_a_run_without_evidence_has_the_figures_of_its_search(make_run: Any) -> None:
    assert drawn(Figures(make_run(20))) == OF_THE_SEARCH
    assert drawn(Figures(make_run(0, is_finished=False))) == {"time"}


class Found(AnswerFrames):
    """What has a summary and nothing else."""

    def __init__(self, results: Summary) -> None:
        self._results = results

    @property
    def results(self) -> Summary:
        return self._results


def test_what_was_found_is_there_as_frames(make_run: Any) -> None:
    run = Found(make_run(6, evidence=True).results)
    columns = run.column_importances
    assert list(columns["columns"]) == ["column 1", "column 2 + column 4", "column 2", "column 3"]
    assert list(columns.loc[0, ["value", "low", "high", "boosting.value"]]) == pytest.approx([0.3, 0.28, 0.32, 0.27])
    assert run.dependence[["column", "at", "value"]].to_numpy().tolist()[-1] == ["column 1", 2, 0.2]
    assert list(run.thresholds["threshold"]) == pytest.approx([at / 100 for at in range(101)])
    assert run.row_intervals[["level", "width"]].to_numpy().tolist()[0] == [0.5, 1.5]
    assert list(run.layers["gain"]) == [0.3, 0.01]
    assert list(run.layers["gain.low"]) == pytest.approx([0.2, -0.04])
    assert list(run.helps["way"]) == ["rows", "fewer", "average"]
    assert list(run.helps["gain"].isna()) == [False, False, True]


def test_frames_of_what_was_not_asked_are_empty(make_run: Any) -> None:
    run = Found(make_run(4).results)
    for name in ("column_importances", "dependence", "thresholds", "row_intervals", "layers", "helps"):
        assert getattr(run, name).empty


def test_a_figure_shows_itself_and_is_saved(make_run: Any, tmp_path: Path) -> None:
    figure = Figures(make_run(4)).history()
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]  # what a notebook asks for
    figure.savefig(tmp_path / "history.pdf")
    assert (tmp_path / "history.pdf").stat().st_size > 1000


def test_what_cannot_be_drawn_is_said(make_run: Any) -> None:
    numbers = Figures(make_run(4, evidence=True, objective=RMSE))
    with pytest.raises(RunError, match=r"'weight' is no target of .*; its targets are: malignant"):
        numbers.residuals("weight")
    with pytest.raises(RunError, match="has no finalists, for it is not finished"):
        Figures(make_run(2, is_finished=False)).finalists()
    with pytest.raises(RunError, match=r"is no capacity study that came to its end: `ffsearch run capacity` is one"):
        numbers.score_by_size()
    with pytest.raises(FFSearchError, match="does not speak 'xx'"):
        Figures(make_run(2), lang="xx")


def test_a_loaded_run_draws_reports_and_shows_itself(tmp_path: Path) -> None:
    run = ffsearch.load(a_finished_run(tmp_path / "runs" / "tabular"))
    assert isinstance(run.figures.history(), Figure)
    assert run.report(tmp_path / "page.html", lang="pt-BR").read_text(encoding="utf-8").startswith("<!doctype html>")
    card = run._repr_html_()
    assert "tabular: 6 trials, finished" in card
    assert "<svg" in card


@pytest.mark.parametrize(
    "labels", [["no", "yes"], ["setosa", "versicolor", "virginica"], [f"a long name {k}" for k in range(12)]]
)
@pytest.mark.parametrize("width", [360, 768])
def test_names_of_classes_are_whole_and_below_what_stands_above_them(labels: list[str], width: int) -> None:
    part = Confusion(labels=labels, counts=np.full((len(labels), len(labels)), 3))
    figure = confusion(part, width=width)
    figure.canvas.draw()
    names = [text.get_window_extent() for text in figure.axes[0].get_xticklabels()]
    above = [text.get_window_extent() for text in figure.texts]
    assert all(name.y1 <= figure.bbox.y1 for name in names)
    assert not any(name.overlaps(other) for name in names for other in above)


def test_a_run_shows_itself_in_the_language_it_was_loaded_in(tmp_path: Path) -> None:
    run = ffsearch.load(a_finished_run(tmp_path / "runs" / "tabular"), lang="pt-BR")
    card = run._repr_html_()
    assert "tabular: 6 tentativas, terminada" in card
    assert "trials" not in card
    axes = " ".join(
        text.get_text() for text in run.figures.history().findobj(lambda artist: hasattr(artist, "get_text"))
    )
    assert "tentativa" in axes
    with pytest.raises(FFSearchError, match="does not speak 'xx'"):
        ffsearch.load(run.path, lang="xx")


def test_the_card_of_a_run_shows_hostile_names_as_text(tmp_path: Path) -> None:
    from examples import FACTS, a_record

    with opened(tmp_path / "run") as folder:
        assert "no trial has a value yet" in ffsearch.load(tmp_path / "run")._repr_html_()
        folder.start(FACTS)
        folder.add(a_record(0, topology="4 -> 8 -> 1 <script>alert(1)</script>"))
    card = ffsearch.load(tmp_path / "run")._repr_html_()
    assert "<script" not in card
    assert "1 trial, not finished" in card


def test_a_figure_that_there_is_not_is_answered_with_the_nearest(make_run: Any) -> None:
    with pytest.raises(AttributeError, match=r"no figure 'histroy'\. Did you mean history\? There are: .*history"):
        Figures(make_run(5)).histroy()
