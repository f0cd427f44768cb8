"""Contrasts between cells, their errors, and the verdict that rests on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from examples import MAE
from ffsearch.search.capacity.contrasts import Contrast, Scores, contrast, resampled_scores, slope_weights
from ffsearch.search.capacity.findings import study_verdict
from ffsearch.search.capacity.plan import StudyCell, Widened
from ffsearch.search.capacity.verdict import StudyCode, StudyFindings, find, margin_of
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.study_results import StudyLine
from ffsearch.search.network.topology import Point
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import ENGLISH, LANGUAGES

PURE = Contrast(value=1.0, seed_variance=1.0, row_variance=0.0, rest_variance=0.0, n_seeds=5)


def cells(depths: tuple[int, ...] = (1, 2, 4), budgets: tuple[int, ...] = (1_000, 10_000)) -> list[StudyCell]:
    return [
        StudyCell(depth=depth, budget=budget, n_params=budget, point=Point(depth=depth, width=8))
        for depth in depths
        for budget in budgets
    ]


def scored(
    gains: NDArray[np.float64], *, seed_sd: float = 0.01, rest_sd: float = 0.2, n_rows: int = 500, n_seeds: int = 5
) -> Scores:
    """Scores of cells whose true gain over nothing is known; losses, so less is better."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((1, 1, n_rows))
    seeds = seed_sd * rng.standard_normal((len(gains), n_seeds, 1))
    rest = rest_sd * rng.standard_normal((len(gains), n_seeds, n_rows))
    terms = (5.0 - gains[:, None, None] + rows + seeds + rest).astype(np.float32)[..., None]
    return resampled_scores(MAE, truth=np.zeros(n_rows), terms=terms, rng=rng)


def found(gains: list[float], **given: float) -> StudyFindings:
    return find(cells(), scored(np.array(gains), **given), valid=np.array(gains), margin=0.05)  # type: ignore[arg-type]


# --- contrasts -------------------------------------------------------------------------------------------------------


def test_seeds_alone_are_a_t_test_and_rows_alone_a_normal_one() -> None:
    error = (1 / 5) ** 0.5
    assert PURE.p_value == pytest.approx(2 * student.sf(1 / error, 4))
    assert PURE.interval() == pytest.approx(
        (1 - student.ppf(0.975, 4) * error, 1 + student.ppf(0.975, 4) * error), rel=1e-4
    )
    rows = replace(PURE, seed_variance=0.0, row_variance=0.25)
    assert rows.interval() == pytest.approx((1 - norm.ppf(0.975) / 2, 1 + norm.ppf(0.975) / 2), rel=1e-4)
    assert rows.detectable() == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) / 2, rel=1e-4)


@settings(max_examples=50, deadline=None)  # other work on the machine must not fail it
@given(
    value=st.floats(-3, 3),
    seed=st.floats(0, 4),
    row=st.floats(0, 4),
    rest=st.floats(0, 4),
    n_seeds=st.integers(2, 20),
)
def test_interval_p_value_and_equivalence_tell_one_story(
    value: float, seed: float, row: float, rest: float, n_seeds: int
) -> None:
    one = Contrast(value=value, seed_variance=seed, row_variance=row, rest_variance=rest, n_seeds=n_seeds)
    low, high = one.interval()
    assert low <= value <= high
    if abs(one.p_value - 0.05) > 1e-3:
        assert (one.p_value < 0.05) == (not low <= 0 <= high)
    assert one.is_within(abs(value) + 1.01 * (high - value) + 1e-9)
    if one.error > 1e-6:
        assert not one.is_within(0.99 * abs(value))
        assert one.detectable() > one.error
    more = one.seeds_to_detect(one.detectable() + 1e-9)
    assert more is None or more <= 4 * n_seeds + 2


def test_parts_of_the_variance_are_told_apart() -> None:
    """Two cells, many seeds: what seeds, rows and both of them add is found again."""
    rng = np.random.default_rng(1)
    n_seeds, n_rows = 60, 400
    difference = 0.1 * rng.standard_normal((n_seeds, 1)) + rng.standard_normal((1, n_rows))
    difference = difference + 2.0 * rng.standard_normal((n_seeds, n_rows))
    terms = np.stack([0 * difference, difference]).astype(np.float32)[..., None]
    one = contrast(resampled_scores(MAE, truth=np.zeros(n_rows), terms=terms, rng=rng), [1.0, -1.0])
    assert one.value == pytest.approx(float(difference.mean()), abs=1e-5)
    assert one.seed_variance == pytest.approx(0.01, rel=0.6)
    assert one.rest_variance == pytest.approx(4 / n_rows, rel=0.15)
    assert one.row_variance == pytest.approx(1 / n_rows, rel=0.3)


def test_rows_of_a_group_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(20), 20)
    terms = (rng.standard_normal(20)[groups] + np.zeros((2, 3, 400)))[..., None] * np.array([0.0, 1.0])[
        :, None, None, None
    ]
    given = {"truth": np.zeros(400), "terms": terms.astype(np.float32)}
    whole, apart = (
        contrast(resampled_scores(MAE, **given, rng=np.random.default_rng(0), units=by), [-1.0, 1.0])
        for by in (Units.of_labels(UnitKind.GROUPS, groups), None)
    )
    assert whole.error > 3 * apart.error


def test_the_slope_is_that_of_least_squares() -> None:
    depths, sizes = [1, 2, 4, 1, 2, 4], [1_000] * 3 + [9_000] * 3
    values = 3 + 0.25 * np.log2(depths) - 2 * np.log(sizes)
    assert slope_weights(depths, sizes) @ values == pytest.approx(0.25)
    assert not slope_weights([1, 1], [10, 100]).any()


# --- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gains", "code"),
    [
        ([0.0, 0.1, 0.5, 0.6, 0.5, 0.6], StudyCode.DEEPER),
        ([0.0, 0.1, 0.5, 0.6, -0.9, -0.8], StudyCode.DEEPER),
        ([0.0, 0.1, -0.5, -0.4, -0.9, -0.8], StudyCode.WIDER),
        ([0.0, 0.5, 0.0, 0.5, -0.9, -0.4], StudyCode.WIDER),
        ([0.0, 0.5, 0.0, 0.5, 0.0, 0.5], StudyCode.EITHER),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], StudyCode.SATURATED),
    ],
)
def test_large_effects_are_found_and_told(gains: list[float], code: StudyCode) -> None:
    findings = found(gains)
    assert findings.code is code
    verdict = study_verdict(findings, metric="mae", train_gains={2: 0.0, 4: 0.0}, n_at_edge=1, n_cells=6)
    assert verdict.code == code
    assert verdict.sentences[0].code is Code[f"DEPTH_{code.name}"]
    assert all(verdict.said(t) for t in LANGUAGES.values())


def test_what_noise_hides_is_not_settled_and_it_is_said_what_would_settle_it() -> None:
    findings = found([0.0, 0.0, 0.1, 0.1, 0.1, 0.1], seed_sd=0.5)
    assert findings.code is StudyCode.NOT_SETTLED
    assert findings.seeds_needed is not None
    assert findings.seeds_needed > 20
    assert findings.detectable is not None
    assert findings.detectable > 0.1
    text = study_verdict(findings, metric="mae", train_gains={}, n_at_edge=0, n_cells=6).said(ENGLISH)
    assert f"About {findings.seeds_needed:,} seeds would settle it" in text


def test_depths_without_a_size_in_common_are_not_compared() -> None:
    apart = [replace(cell, budget=cell.budget * cell.depth) for cell in cells((1, 2), (1_000,))]
    findings = find(apart, scored(np.array([0.0, 0.1])), valid=np.zeros(2), margin=0.05)
    verdict = study_verdict(findings, metric="mae", train_gains={}, n_at_edge=0, n_cells=2)
    assert "no two depths have cells of one size" in verdict.said(ENGLISH)


def test_a_difference_too_small_to_matter_is_no_verdict_for_depth() -> None:
    findings = found([0.0, 0.3, 0.02, 0.32, 0.02, 0.32], seed_sd=0.0, rest_sd=0.05)
    assert all(one.is_shown for one in findings.means)
    assert findings.code is StudyCode.EITHER


def convolutional() -> list[StudyCell]:
    kinds = ((3, Widened.CHANNELS), (3, Widened.UNITS), (9, Widened.CHANNELS))
    point = Point(depth=1, width=8)
    return [
        StudyCell(depth=depth, widened=widened, budget=budget, n_params=budget, point=point)
        for depth, widened in kinds
        for budget in (1_000, 10_000)
    ]


@pytest.mark.parametrize(
    ("gains", "code", "form"),
    [
        ([0.0, 0.1, 0.0, 0.1, 0.5, 0.6], StudyCode.DEEPER, "convolutional"),
        ([0.0, 0.1, 0.5, 0.6, 0.5, 0.6], StudyCode.EITHER, "convolutional"),
        ([0.5, 0.6, 0.0, 0.1, 0.0, 0.1], StudyCode.WIDER, "convolutional"),
        ([0.0, 0.1, 0.9, 1.0, 0.5, 0.6], StudyCode.WIDER, "convolutional"),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], StudyCode.SATURATED, ""),
    ],
)
def test_more_convolutional_layers_must_beat_both_ways_of_being_wide(
    gains: list[float], code: StudyCode, form: str
) -> None:
    findings = find(convolutional(), scored(np.array(gains)), valid=np.array(gains), margin=0.05)
    assert [(one.line, one.wide.widened) for one in findings.means] == [
        (StudyLine(9, Widened.CHANNELS), Widened.CHANNELS), (StudyLine(9, Widened.CHANNELS), Widened.UNITS),
    ]  # fmt: skip
    for one, place in zip(findings.means, (0, 2), strict=True):
        assert one.gain.value == pytest.approx(gains[4] - gains[place], abs=0.03)
    assert findings.code is code
    said = study_verdict(findings, metric="mae", train_gains={9: 0.0}, n_at_edge=0, n_cells=6).sentences
    assert (said[0].code, said[0].form) == (Code[f"DEPTH_{code.name}"], form)
    assert [(one.code, one.form) for one in said[1:3]] == [
        (Code.DEPTH_AGAINST_WIDE, "channels"), (Code.DEPTH_AGAINST_WIDE, "units"),
    ]  # fmt: skip


def test_networks_with_more_dense_units_have_no_part_in_the_slope_on_depth() -> None:
    plain, other = (
        find(convolutional(), scored(np.array([0.0, 0.1, *units, 0.5, 0.6])), valid=np.zeros(6), margin=0.05)
        for units in ([0.0, 0.1], [9.0, 9.0])
    )
    assert plain.slope is not None
    assert other.slope is not None
    assert plain.slope.value == pytest.approx(other.slope.value, abs=1e-5)
    assert plain.slope.value == pytest.approx(0.5 / np.log2(3), abs=0.03)


def test_overfitting_is_the_loss_beyond_a_depths_best_budget() -> None:
    findings = found([0.5, 0.0, 0.0, 0.5, 0.0, 0.0])
    beyond = findings.beyond_best[StudyLine(1)]
    assert beyond is not None
    assert beyond.budget == 1_000
    assert beyond.is_shown
    assert findings.beyond_best[StudyLine(2)] is None


def test_training_that_fails_is_told_apart_from_too_many_layers() -> None:
    findings = found([0.0, 0.1, -0.5, -0.4, -0.9, -0.8])
    for gains, is_told in (({2: -0.5, 4: -0.9}, True), ({2: 0.1, 4: 0.1}, False)):
        verdict = study_verdict(findings, metric="mae", train_gains=gains, n_at_edge=0, n_cells=6)
        assert bool(verdict.of([Code.DEEP_UNTRAINED])) is is_told


def test_one_budget_and_two_depths_will_do() -> None:
    findings = find(cells((1, 2), (1_000,)), scored(np.array([0.0, 0.5])), valid=np.array([0.0, 0.5]), margin=0.05)
    assert findings.code is StudyCode.DEEPER
    assert findings.growth is None
    assert findings.slope is None
    assert findings.singles[0].budget == 1_000


def test_the_margin_is_a_share_of_knowing_nothing_for_losses_and_a_difference_for_shares() -> None:
    assert margin_of(0.02, objective="log_loss", naive=2.0) == pytest.approx(0.04)
    assert margin_of(0.02, objective="accuracy", naive=0.1) == pytest.approx(0.02)
