"""The page of a capacity study, in both languages, from a summary alone."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D

from ffsearch.reports import book_plots
from ffsearch.reports import capacity_plots as plots
from ffsearch.reports.capacity_tables import study_tables
from ffsearch.reports.html import build_page
from ffsearch.reports.markdown import build_text
from ffsearch.search.folder.summary import Summary
from ffsearch.search.wording.early import FORMS
from ffsearch.search.wording.language import LANGUAGES

DATA = {
    "source": "mine.csv", "target": ["y"], "n_rows": 1797, "n_features": 64, "n_classes": 10, "sha256": "",
    "n_train": 1150, "n_valid": 287, "n_test": 360,
}  # fmt: skip
SEARCH = {
    "engine": "capacity", "sampler": "grid", "pruner": "none", "trainer": "population", "seed": 0, "n_trials": 150,
    "n_complete": 150, "n_pruned": 0, "n_diverged": 0, "n_failed": 0, "n_epochs": 1500, "wall_s": 100.0,
    "train_s": 90.0, "compile_s": 1.0,
}  # fmt: skip
CODES = ("deeper", "wider", "either", "saturated", "not_settled")


@dataclass
class Study:
    """What a report reads."""

    summary: Mapping[str, Any]
    is_finished: bool = True
    path: Path = Path("runs/capacity")
    space_text: str = "kind: capacity\ndata: {source: 'a<b>.csv'}\n"

    @property
    def results(self) -> Summary:
        return Summary.read(json.dumps(self.summary), path=self.path)

    @property
    def trials(self) -> pd.DataFrame:
        return pd.DataFrame({"trial": [0, 1]})

    @property
    def curves(self) -> pd.DataFrame:
        return pd.DataFrame()


def cell(depth: int, budget: int, test: float, **changes: Any) -> dict[str, Any]:
    plain = {
        "depth": depth, "budget": budget, "n_params": budget, "widths": [8] * depth, "channels": [],
        "learning_rate": 1e-3, "rate_at_edge": False, "n_rates": 5, "valid": test,
        "test": {"value": test, "low": test - 0.02, "high": test + 0.02}, "test_sd": 0.01, "train": test / 3,
        "train_worst": test, "n_diverged": 0, "n_untrained": 0, "everyday_train": 1.0,
        "everyday": {"value": 1 - test / 3, "low": 0.97 - test / 3, "high": 1.0},
    }  # fmt: skip
    return plain | changes


def gain(depth: int, budget: int | None, value: float, **changes: Any) -> dict[str, Any]:
    plain = {
        "depth": depth, "reference": 1, "budget": budget, "value": value, "low": value - 0.01, "high": value + 0.01,
        "p": 0.01, "error": 0.005, "detectable": 0.015, "p_holm": 0.02, "is_shown": True, "is_equivalent": False,
        "seeds_needed": 7,
    }  # fmt: skip
    return plain | changes


def at_depth(depth: int, value: float) -> dict[str, Any]:
    ends = {"low": value - 0.01, "high": value + 0.01}
    return {"depth": depth, "budget": 10_000, "n_params": 9_980, "value": value, **ends}


def a_study(code: str = "wider", *, classes: bool = True, **capacity: Any) -> Study:
    values = {
        "depth": 2, "reference": 1, "gain": 0.0512, "low": 0.04, "high": 0.06, "metric": "log_loss", "margin": 0.03,
        "detectable": 0.02, "budget": 1000, "n": 1, "n_cells": 6,
    }  # fmt: skip
    shares = {"both_right": 0.9, "wide_alone": 0.05, "deep_alone": 0.03, "neither": 0.02} if classes else {}
    distances = {"wide": 1, "deep": 4, "between": 0.05, "wide_seeds": 0.02, "deep_seeds": 0.06}
    found = {
        "protocol": {
            "preset": None, "depths": [1, 2, 4], "budgets": [1000, 10_000], "widths": None, "train_sizes": [1.0],
            "tolerance": 0.02, "paired": "", "rate_chosen_by": "", "schedule": "constant", "weights_kept": "",
            "residual": False, "convolutions": None, "scored_on": "", "margin_share": 0.02, "power": 0.8, "seeds": 5,
            "learning_rates": [1e-3, 1e-2],
            "more_rates_beyond_an_end": 2, "updates": 1000, "batch_size": 64, "optimizer": "adam", "passes": 50,
            "evaluate_every": 2, "activation": "relu", "batch_norm": False, "dropout": 0.0, "l2": 0.0, "margin": 0.03,
        },
        "missing": [{"depth": 4, "budget": 10_000, "why": "too_coarse", "below": 9_000, "above": 11_000}],
        "cells": [
            cell(1, 1000, 0.3), cell(1, 10_000, 0.2), cell(2, 1000, 0.35, rate_at_edge=True), cell(2, 10_000, 0.25),
            cell(4, 1000, 0.5, n_untrained=2),
        ],
        "means": [gain(2, None, -0.05), gain(4, None, -0.2)],
        "singles": [gain(2, 1000, -0.05), gain(2, 10_000, -0.05, is_shown=False), gain(4, 1000, -0.2)],
        "slope": {"value": -0.05, "low": -0.07, "high": -0.03, "p": 0.01, "error": 0.01, "detectable": 0.03},
        "naive": {"valid": 2.3, "train": 2.3}, "growth": None, "growth_by_depth": [], "train_sizes": [],
        "overfits": [gain(1, None, -0.04, beyond=1000)],
        "detectable": 0.02, "seeds_needed": 7, "openings": 1, "everyday": "accuracy",
        "by_depth": [at_depth(1, 0.925), at_depth(2, 0.91), at_depth(4, 0.845)],
        "disagreement": [{"budget": budget, **distances, **shares} for budget in (1000, 10_000)],
    } | capacity  # fmt: skip
    keys = [f"verdict.{code}", *(key for key in FORMS if key.startswith("also."))]
    return Study(
        {
            "schema": 1, "kind": "capacity", "name": "capacity-mine", "ffsearch": "1", "task": "multiclass",
            "objective": {"name": "log_loss", "direction": "minimize"}, "data": DATA, "best": None, "evidence": {},
            "search": SEARCH, "capacity": found,
            "verdict": {"code": code, "text": "", "sentences": [{"key": key, "values": values} for key in keys]},
        }
    )  # fmt: skip


@pytest.mark.parametrize(("code", "lang"), [*((code, "en") for code in CODES), ("deeper", "pt-BR")])
def test_a_page_says_the_verdict_first_and_every_figure_tells_what_it_shows(code: str, lang: str) -> None:
    page = build_page(a_study(code), lang=lang)
    words = LANGUAGES[lang].words
    assert f"<h1>{html.escape(words[f'capacity.head.{code}'])}</h1>" in page
    labels = re.findall(r'<svg [^>]*aria-label="([^"]*)"', page)
    assert len(labels) == 2 * 9
    assert all(len(label) > 40 for label in labels)
    said = " ".join(re.findall(r"<section.*?</section>", page, flags=re.DOTALL))
    assert "{" not in re.sub(r"<code>.*?</code>", "", said, flags=re.DOTALL)
    assert "a&lt;b&gt;.csv" in page
    assert build_page(a_study(code), lang=lang) == page


def test_a_page_in_portuguese_says_nothing_in_english() -> None:
    page = html.unescape(build_page(a_study("not_settled"), lang="pt-BR"))
    sentences = {text for text in LANGUAGES["en"].words.values() if text.count(" ") > 2 and "{" not in text}
    assert {text for text in sentences if text in page} == set()


def test_what_is_odd_is_flagged() -> None:
    page = build_page(a_study())
    assert "0.001 *" in page
    assert "!2" in page
    assert "4 layers with 10,000 parameters: a unit more or less steps over it, to 9,000 or 11,000." in page
    assert "1 layer overfit beyond 1,000 parameters" in page


def test_numbers_and_a_single_budget_have_a_page_too() -> None:
    one = [cell(1, 1000, 0.3), cell(2, 1000, 0.3)]
    study = a_study(
        classes=False, cells=one, slope=None, overfits=[], missing=[], means=[gain(2, 1000, 0.0)],
        singles=[gain(2, 1000, 0.0)], disagreement=[],
    )  # fmt: skip
    page = build_page(study)
    assert "Do they err alike" not in page
    assert "Doubling the depth" not in page


def convolutional(**capacity: Any) -> Study:
    """Three layers widened in two ways, and nine."""
    kinds = ((3, "channels"), (3, "units"), (9, "channels"))
    cells = [
        cell(depth, budget, 0.4 - 0.02 * place - 0.1 * (budget > 1000), widened=widened)
        for place, (depth, widened) in enumerate(kinds)
        for budget in (1000, 10_000)
    ]
    gains = [
        gain(9, budget, 0.02 * place, widened=widened, reference=3)
        for place, widened in ((2, "channels"), (1, "units"))
        for budget in (1000, 10_000, None)
    ]
    study = a_study(
        "deeper", cells=cells, means=gains[2::3], singles=[one for one in gains if one["budget"]],
        missing=[{"depth": 3, "widened": "units", "budget": 100, "why": "too_small", "below": None, "above": 1500}],
        overfits=[gain(3, None, -0.04, beyond=1000, widened="units")], by_depth=[at_depth(3, 0.92), at_depth(9, 0.96)],
        **capacity,
    )  # fmt: skip
    found = study.summary["capacity"]
    found["protocol"] |= {"convolutions": {"channels": 8, "units": 32}, "residual": False, "depths": [3, 9]}
    keys = ["conv.deeper", "conv.against.channels", "conv.against.units"]
    values = {"depth": 9, "reference": 3, "gain": 0.04, "low": 0.03, "high": 0.05, "metric": "log_loss", "margin": 0.01}
    study.summary["verdict"]["sentences"] = [{"key": key, "values": values} for key in keys]  # type: ignore[index]
    return study


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_rates_that_fall_with_depth_are_told(lang: str) -> None:
    study, words = convolutional(), LANGUAGES[lang].words["capacity.protocol_text.by_depth"]
    assert words.split("{")[0] not in html.unescape(build_page(study, lang=lang))
    study.summary["capacity"]["protocol"]["rates_by_depth"] = 1.0
    assert words.format(depth=3, power=1) in html.unescape(build_page(study, lang=lang))


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_convolutional_networks_have_the_books_own_figure_and_words(lang: str) -> None:
    page = html.unescape(build_page(convolutional(), lang=lang))
    words = LANGUAGES[lang].words
    assert words["capacity.book.differs_convolutional"] in page
    assert words["capacity.book.differs"] not in page
    assert words["capacity.protocol_text.convolutions"].format(channels=8, units=32) in page
    labels = re.findall(r'<svg [^>]*aria-label="([^"]*)"', page)
    assert len(labels) == 2 * 9
    assert all(words[f"capacity.book.{name}_caption"] in page for name in ("depth", "size"))
    assert [label.replace("\N{NO-BREAK SPACE}", " ").split(". ")[0] for label in labels[:4:2]] == {
        "en": [
            "Figure 6.6: 92.0 % right with 3 layers, 96.0 % with 9 layers",
            "Figure 6.7: 91.3 % right at best (9, convolutional, 10,000 parameters); 3, convolutional: at best 90.0 %",
        ],
        "pt-BR": [
            "Figura 6.6: 92,0% de acertos com 3 camadas, 96,0% com 9 camadas",
            "Figura 6.7: no máximo 91,3% de acertos (9, convolucional, 10.000 parâmetros); 3, convolucional: no máximo "
            "90,0%",
        ],
    }[lang]
    layers = words["n.layers"].format(n=3)
    assert words["capacity.line.units"].format(layers=layers) in page


def test_the_three_kinds_are_told_apart_without_colour() -> None:
    study = study_tables(convolutional())
    assert study is not None
    t = LANGUAGES["en"]
    lines = book_plots.by_size(study, title="", t=t).axes[0].lines
    assert len(lines) == len({line.get_marker() for line in lines}) == len({line.get_linestyle() for line in lines})
    legend = ["3, convolutional", "3, fully connected", "9, convolutional"]  # the book's words
    assert [line.get_label() for line in lines] == legend
    rows = [text.get_text() for text in plots.gains(study, t=t).axes[0].texts]
    assert rows.count("9 against 3, channels") == rows.count("9 against 3, dense units") == 1
    assert rows.count("mean over budgets") == 2


def test_many_kinds_that_end_close_together_keep_their_own_look_and_their_own_name() -> None:
    depths = (1, 2, 3, 5, 7, 9, 11)
    values = {depth: 0.3 + 0.001 * depth for depth in depths}
    cells = [cell(depth, budget, value) for depth, value in values.items() for budget in (1000, 10_000)]
    gains = [gain(depth, None, 0.0) for depth in depths[1:]]
    study = study_tables(a_study(cells=cells, means=gains, singles=[], by_depth=[at_depth(1, 0.9), at_depth(2, 0.9)]))
    assert study is not None
    figure = book_plots.by_size(study, title="", t=LANGUAGES["en"])
    axes = figure.axes[0]
    looks = {str(line.get_label()): (line.get_color(), line.get_linestyle(), line.get_marker()) for line in axes.lines}
    assert len({(colour, dashes) for colour, dashes, _ in looks.values()}) == len(depths)
    samples = [artist for artist in figure.artists if isinstance(artist, Line2D)]
    figure.canvas.draw()
    names = {round(text.get_window_extent().get_points()[:, 1].mean()): text.get_text() for text in axes.texts}
    assert len(samples) == len(depths)
    for sample in samples:
        height = sample.get_transform().transform(sample.get_xydata())[0, 1]
        name = names[min(names, key=lambda at: abs(at - height))]
        assert looks[name] == (sample.get_color(), sample.get_linestyle(), sample.get_marker())
    heights = sorted(height for height, name in names.items() if name)
    assert min(np.diff(heights)) >= 17  # a line of text
    assert heights[-1] <= axes.bbox.y1 + 20  # below the title


def test_figure_6_6_rises_with_accuracy_and_its_whiskers_are_those_of_the_difference() -> None:
    study = study_tables(convolutional())
    assert study is not None
    axes = book_plots.by_depth(study, title="", t=LANGUAGES["en"]).axes[0]
    *behind, shallowest, line = axes.lines
    assert list(line.get_xdata()) == [3, 9]
    assert list(line.get_ydata()) == pytest.approx([92, 96])
    assert list(shallowest.get_ydata()) == pytest.approx([92, 92])
    assert [whisker[:, 1].tolist() for whisker in axes.collections[0].get_segments()] == [pytest.approx([95, 97])]
    assert len(behind) == len(study.budgets)
    assert axes.get_title(loc="left") == "test accuracy (per cent)"


def test_a_run_of_an_early_version_has_no_score_for_the_books_figures() -> None:
    page = html.unescape(build_page(a_study("deeper", everyday=None, by_depth=[])))
    assert "Figure 6.6:" not in page
    assert LANGUAGES["en"].words["capacity.book.showed"] in page


def sizes() -> list[dict[str, Any]]:
    return [
        {
            "share": share, "n_train": n_train, "code": code, "cells": [cell(1, 1000, 0.5), cell(4, 1000, 0.4)],
            "means": [gain(2, None, value), gain(4, None, 2 * value)],
        }
        for share, n_train, code, value in ((0.1, 100, "not_settled", -0.05), (1.0, 1000, "deeper", 0.1))
    ]  # fmt: skip


@pytest.mark.parametrize("lang", list(LANGUAGES))
def test_shares_of_the_training_rows_have_a_table_and_a_figure(lang: str) -> None:
    page = html.unescape(build_page(a_study("deeper", train_sizes=sizes()), lang=lang))
    words = LANGUAGES[lang].words
    assert f">{words['capacity.rows']}</h2>" in page
    assert words["capacity.head.not_settled"] in page
    assert words["capacity.rows"] not in html.unescape(
        build_page(a_study("deeper", train_sizes=sizes()[1:]), lang=lang)
    )


def test_a_study_that_is_not_finished_says_so() -> None:
    study = a_study()
    study.summary = {key: value for key, value in study.summary.items() if key not in ("capacity", "verdict")}
    study.is_finished = False
    assert "2 networks are trained so far" in build_page(study)


def test_lines_are_told_apart_without_colour() -> None:
    study = study_tables(a_study())
    assert study is not None
    t = LANGUAGES["en"]
    lines = [line for line in plots.score_by_depth(study, t=t).axes[0].lines if len(line.get_xdata()) > 1]
    assert len({line.get_marker() for line in lines}) == len(lines) == len(study.budgets)


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
@pytest.mark.parametrize("code", ["deeper", "wider", "saturated", "not_settled"])
def test_a_study_is_told_as_text_too(code: str, lang: str) -> None:
    text, page = build_text(a_study(code), lang=lang), html.unescape(build_page(a_study(code), lang=lang))
    headings = re.findall(r"<h[23][^>]*>([^<]+)</h[23]>", page)
    assert [heading for heading in headings if f"# {heading}\n" not in text] == []
    codes = re.findall(r"<small>(FFS\d+)</small>", page)
    assert codes
    assert [each for each in codes if f"({each})" not in text] == []
    assert "\n| " in text
