"""What would help most: the gain of more rows is held by its interval, and ways are told in their order."""

from __future__ import annotations

import html
import json
from dataclasses import replace

import numpy as np
import pytest

import ffsearch
from ffsearch.reports.html import build_page
from ffsearch.search.evidence.helps import what_would_help
from ffsearch.search.evidence.learning import gain_of_more_rows, rows_gain
from ffsearch.search.folder.results import Averaged, Effect, Estimate, Way
from ffsearch.search.folder.summary import Summary


@pytest.mark.parametrize("exponent", [0.35, 0.7, 1.2])
def test_what_twice_the_rows_gain_lies_in_its_interval(exponent: float) -> None:
    """Learning curves of a known shape, seen through three noisy repeats."""
    rng = np.random.default_rng(0)
    n_less, n_repeat, n_refit = 200, 400, 500

    def loss(n_rows: float) -> float:
        return float(0.3 + 4 * n_rows**-exponent)

    truth = loss(n_refit) - loss(2 * n_refit)
    n_held = 0
    for _ in range(300):
        noise = 0.15 * (loss(n_less) - loss(n_repeat))
        shared = rng.normal(0, 0.02, 3)
        fewer, whole = (loss(n) + shared + rng.normal(0, noise, 3) for n in (n_less, n_repeat))
        gain = rows_gain(fewer, whole, n_less=n_less, n_repeat=n_repeat, n_refit=n_refit)
        assert gain is not None
        found = gain_of_more_rows(gain, 2.0)
        n_held += found.low <= truth <= found.high
    assert n_held >= 0.93 * 300


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    return ffsearch.run(
        "tabular", data="sklearn:wine", trials=3, out=tmp_path_factory.mktemp("helps") / "run", report=False,
        evidence={"finalists": 1, "repeats": 3, "effects": 0}, overrides={"train.max_epochs": 40},
    )  # fmt: skip


def with_more(summary: Summary) -> Summary:
    """The same with a deeper network that is shown to be better, and one of another activation that is not."""
    common = {"against": "winner", "p_value": 0.01}
    deeper = Effect(value=0.5, low=0.2, high=0.8, factor="depth", change="deeper", finding="better", **common)
    other = Effect(value=0.1, low=-0.2, high=0.4, factor="activation", change="relu", finding="not_shown", **common)
    worse = Effect(value=-0.3, low=-0.4, high=-0.2, factor="dropout", change="off", finding="worse", **common)
    return replace(summary, effects=(worse, other, deeper))


def without_least(run: ffsearch.Run) -> str:
    """The setting that leaves out the least useful third of the thirteen columns."""
    assert run.results.columns is not None
    assert len(run.results.columns.least) == 4
    return "data.drop=" + json.dumps(run.results.columns.least)


def test_known_ways_stand_by_their_gain_and_those_not_asked_say_how(run: ffsearch.Run) -> None:
    found = what_would_help(with_more(run.results), may_have_bins=False)
    known = [one for one in found if one.gain is not None]
    assert [one.gain.value for one in known if one.gain] == sorted(
        (one.gain.value for one in known if one.gain), reverse=True
    )
    assert {one.way for one in known} == {Way.ROWS, Way.BOOSTING, Way.DEEPER, Way.OTHER}
    assert known[0].way is Way.DEEPER
    assert known[0].is_shown
    other = next(one for one in known if one.way is Way.OTHER)
    assert other.change is not None
    assert (other.change.change, other.is_shown) == ("relu", False)
    assert run.results.helps == what_would_help(run.results, may_have_bins=False)
    assert {one.way: one.setting for one in found if one.gain is None} == {
        Way.AVERAGE: "model=average", Way.BINS: "space.numbers=bins", Way.FEWER: without_least(run),
    }  # fmt: skip


def test_the_gain_over_trees_turns_its_sign(run: ffsearch.Run) -> None:
    trees = next(one for one in run.results.baselines if one.name == "boosting").network_gain
    found = next(one for one in what_would_help(run.results, may_have_bins=False) if one.way is Way.BOOSTING)
    assert trees is not None
    assert found.gain == Estimate(value=-trees.value, low=-trees.high, high=-trees.low)


def test_what_was_done_is_not_advised(run: ffsearch.Run) -> None:
    averaged = Averaged(n_networks=5, n_params=5, n_bytes=5, rows_per_s=1.0, rows_per_s_single=5.0)
    summary = replace(run.results, average=averaged)
    assert {one.way for one in what_would_help(summary, may_have_bins=True)} == {Way.ROWS, Way.BOOSTING, Way.FEWER}


@pytest.mark.parametrize(("lang", "words"), [("en", "twice the rows"), ("pt-BR", "o dobro das linhas")])
def test_the_report_says_it_with_the_commands(run: ffsearch.Run, lang: str, words: str) -> None:
    page = html.unescape(build_page(run, lang=lang))
    section = page.split('id="help"')[1].split("</section>")[0]
    assert words in section
    assert "--set model=average" in section
