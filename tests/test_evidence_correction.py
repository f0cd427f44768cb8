"""Corrected estimates on candidates whose true score is known, because they were drawn and not trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import ACCURACY, MAE
from ffsearch.search.base.objective import Objective
from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.evidence.correction import (
    OutOfSample,
    Part,
    correct_repeats,
    correct_search,
    part_scores,
    stopping_optimism,
)
from ffsearch.search.evidence.finalists import choose
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.network.topology import Point
from ffsearch.search.training.protocol import Curve, Ended, Job, Trained


def squared_errors(
    n_models: int,
    parts: list[np.ndarray],
    rng: np.random.Generator,
    *,
    seed_sd: float = 0.0,
    objective: Objective = MAE,
) -> OutOfSample:
    """Equally good models, each with errors of its own; a seed makes one better on all rows of a part."""
    made = []
    for rows in parts:
        luck = seed_sd * rng.normal(size=(n_models, 1, 1))
        terms = 1 + luck + 0.5 * rng.normal(size=(n_models, len(rows), 1))
        made.append(Part(rows=rows, truth=np.zeros((len(rows), 1)), terms=terms.astype(np.float32)))
    return OutOfSample(objective=objective, parts=tuple(made))


def mean_bias(estimates: list[float], true: float) -> float:
    return float(np.mean(estimates)) - true


@pytest.mark.parametrize("n_folds", [1, 5])
def test_the_search_is_corrected_for_lucky_rows(n_folds: int) -> None:
    rng = np.random.default_rng(0)
    found = [
        correct_search(squared_errors(50, np.array_split(np.arange(100), n_folds), rng), rng=rng, n_resamples=200)
        for _ in range(30)
    ]
    naive = mean_bias([one.naive for one in found], 1.0)
    assert naive < -0.08
    assert abs(mean_bias([one.score.value for one in found], 1.0)) < abs(naive) / 3
    held = [one.score.low <= 1.0 <= one.score.high for one in found]
    assert np.mean(held) >= 0.9


def test_repeats_are_corrected_for_lucky_rows_and_seeds() -> None:
    rng = np.random.default_rng(1)
    naive, corrected, held = [], [], []
    for _ in range(40):
        parts = [rng.permutation(400)[:80] for _ in range(5)]
        repeats = squared_errors(6, parts, rng, seed_sd=0.1)
        scores = part_scores(repeats)
        rule = {"n_params": [1] * 6, "test_to_train": 0.25}
        winner = int(choose(scores, **rule))
        found = correct_repeats(repeats, winner=winner, naive=0.8, rng=rng, n_resamples=200, **rule)
        naive.append(float(scores[winner].mean()))
        corrected.append(found.score.value)
        own_seed = 1 + 0.1 * rng.normal()
        held.append(found.score.low <= own_seed <= found.score.high)
    assert mean_bias(naive, 1.0) < -0.03
    assert abs(mean_bias(corrected, 1.0)) < abs(mean_bias(naive, 1.0)) / 2
    assert np.mean(held) >= 0.9


def test_the_spread_of_seeds_is_found_beside_that_of_rows() -> None:
    rng = np.random.default_rng(2)
    rule = {"winner": 0, "n_params": [1] * 6, "test_to_train": 0.25, "naive": 1.0}
    for seed_sd in (0.0, 0.2):
        parts = [rng.permutation(400)[:80] for _ in range(8)]
        repeats = squared_errors(6, parts, rng, seed_sd=seed_sd)
        found = correct_repeats(repeats, rng=rng, n_resamples=200, **rule)
        assert found.score.seed_sd == pytest.approx(seed_sd, abs=0.06)


def test_finalists_that_were_left_behind_tell_how_far_seeds_scatter() -> None:
    """Two of five stay for a third repeat: two degrees of freedom by themselves, five with those that left."""
    rng = np.random.default_rng(5)
    rule = {"winner": 0, "n_params": [1, 1], "test_to_train": 0.25, "naive": 1.0, "n_resamples": 200}
    variances, alone, together = [], [], []
    for _ in range(60):
        parts = [rng.permutation(400)[:80] for _ in range(3)]
        met = squared_errors(5, parts, rng, seed_sd=0.2)
        repeats, left = (
            OutOfSample(objective=MAE, parts=tuple(replace(part, terms=part.terms[models]) for part in met.parts))
            for models in (slice(2), slice(2, None))
        )
        nothing = replace(left.parts[2], terms=np.full_like(left.parts[2].terms, np.nan))
        left = replace(left, parts=(*left.parts[:2], nothing))
        found = correct_repeats(repeats, left=left, rng=rng, **rule)
        assert found.seeds is not None
        assert found.seeds.degrees == 5
        variances.append(found.seeds.total - found.seeds.of_rows)
        together.append(found.score.high - found.score.low)
        without = correct_repeats(repeats, rng=rng, **rule).score
        assert without.value == pytest.approx(found.score.value, abs=0.05)
        alone.append(without.high - without.low)
    assert np.mean(variances) == pytest.approx(0.04, rel=0.2)
    assert np.median(together) < 0.8 * np.median(alone)


@pytest.mark.parametrize("objective", [MAE, ACCURACY])
def test_optimism_is_positive_where_the_naive_score_flatters(objective: Objective) -> None:
    rng = np.random.default_rng(3)
    rows = np.arange(100)
    truth = rng.integers(2, size=100)
    hits = (rng.random((40, 100, 1)) < 0.7).astype(np.float32)
    terms = 1 - hits if objective.is_lower_better else hits
    out = OutOfSample(objective=objective, parts=(Part(rows=rows, truth=truth, terms=terms),))
    found = correct_search(out, rng=rng, n_resamples=300)
    assert found.optimism > 0.03
    sign = -objective.sign
    assert found.optimism == pytest.approx(sign * (found.naive - found.score.value))
    assert found.score.low < found.score.value < found.score.high


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_larger_is_better_is_the_mirror_of_smaller_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(60)[:20] for _ in range(3)]
    drawn = squared_errors(4, parts, rng, seed_sd=0.1)
    small = [Part(rows=part.rows, truth=part.truth, terms=0.2 * part.terms) for part in drawn.parts]
    repeats = OutOfSample(objective=MAE, parts=tuple(small))
    mirrored = OutOfSample(
        objective=ACCURACY,
        parts=tuple(Part(rows=part.rows, truth=part.truth, terms=1 - part.terms) for part in small),
    )
    rule = {"winner": 1, "n_params": [4, 3, 2, 1], "test_to_train": 0.5, "n_resamples": 50}
    one = correct_repeats(repeats, naive=0.18, rng=np.random.default_rng(0), **rule)
    two = correct_repeats(mirrored, naive=0.82, rng=np.random.default_rng(0), **rule)
    assert two.score.value == pytest.approx(1 - one.score.value, rel=1e-5)
    assert (two.score.low, two.score.high) == pytest.approx((1 - one.score.high, 1 - one.score.low), rel=1e-4)
    assert two.optimism == pytest.approx(one.optimism, abs=1e-5)


def test_the_same_generator_gives_the_same_numbers() -> None:
    repeats = squared_errors(4, [np.arange(30)] * 3, np.random.default_rng(0))
    rule = {"winner": 0, "n_params": [1] * 4, "test_to_train": 0.25, "naive": 1.0, "n_resamples": 50}
    one, two = (correct_repeats(repeats, rng=np.random.default_rng(5), **rule) for _ in range(2))
    assert one == two


def test_a_candidate_far_ahead_is_chosen_again_and_hardly_corrected() -> None:
    rng = np.random.default_rng(0)
    out = squared_errors(20, [np.arange(200)], rng)
    out.parts[0].terms[7] -= 0.5
    found = correct_search(out, rng=rng, n_resamples=200)
    assert found.score.chosen_again == 1.0
    assert found.score.value == pytest.approx(found.naive, abs=0.01)


def test_one_repeat_and_one_finalist_have_an_estimate_too() -> None:
    rng = np.random.default_rng(0)
    rule = {"winner": 0, "test_to_train": 0.25, "naive": 1.0, "n_resamples": 50}
    alone = correct_repeats(squared_errors(1, [np.arange(50)], rng), n_params=[1], rng=rng, **rule)
    assert alone.score.seed_sd is None
    assert np.isfinite([alone.score.low, alone.score.value, alone.score.high]).all()
    several = correct_repeats(
        squared_errors(1, [np.arange(50)] * 4, rng),
        n_params=[1],
        rng=rng,
        **rule,
    )
    assert several.score.seed_sd is not None


def test_groups_make_the_interval_wider_where_their_rows_agree() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    terms = (1 + np.repeat(rng.normal(size=20), 10)[None, :, None] + 0.01 * rng.normal(size=(3, 200, 1))).astype(
        np.float32
    )
    part = Part(rows=np.arange(200), truth=np.zeros((200, 1)), terms=terms)
    widths = [
        (found.high - found.low)
        for known in (None, Units.of_labels(UnitKind.GROUPS, groups))
        for found in [
            correct_search(OutOfSample(objective=MAE, parts=(part,), units=known), rng=rng, n_resamples=300).score
        ]
    ]
    assert widths[1] > 2 * widths[0]


def test_rows_shared_by_repeats_are_drawn_together() -> None:
    """Five repeats on the same rows with the same predictions know no more of rows than one does."""
    rng = np.random.default_rng(0)
    part = squared_errors(2, [np.arange(100)], rng).parts[0]
    rule = {"winner": 0, "n_params": [1, 1], "test_to_train": 0.25, "naive": 1.0, "n_resamples": 500}
    once = OutOfSample(objective=MAE, parts=(part,))
    often = OutOfSample(objective=MAE, parts=(part,) * 5)
    widths = [correct_repeats(out, rng=np.random.default_rng(1), **rule).score for out in (once, often)]
    assert widths[1].high - widths[1].low == pytest.approx(widths[0].high - widths[0].low, rel=0.15)


# --- early stopping --------------------------------------------------------------------------------------------------


def repeat(losses: list[float]) -> Trained:
    curve = np.array(losses, np.float32)
    best = int(curve.argmin()) + 1
    return Trained(
        job=Job(trial=0, point=Point(depth=1, width=4), seed=child(0, Purpose.FINALIST)),
        ended=Ended.STOPPED,
        curve=Curve(train_loss=curve, valid_loss=curve, penalty=curve),
        best_epoch=best,
        n_updates=best,
        valid_logits=np.zeros((1, 1), np.float32),
    )


def test_stopping_at_ones_own_best_epoch_flatters() -> None:
    repeats = [repeat([1.0, 0.5, 0.6, 0.7]), repeat([1.0, 0.6, 0.5, 0.7]), repeat([1.0, 0.6, 0.5, 0.7])]
    gain = stopping_optimism(repeats, metric="log_loss", loss="binary_crossentropy", scores=[0.5] * 3)
    assert gain == pytest.approx(0.1, rel=1e-5)
    of_root = stopping_optimism(repeats, metric="rmse", loss="mse", scores=[10.0] * 3)
    assert of_root == pytest.approx(10 * (1.2**0.5 - 1), rel=1e-5)


def test_curves_that_agree_or_say_nothing_of_the_objective_take_nothing_off() -> None:
    repeats = [repeat([1.0, 0.5, 0.6])] * 3
    assert stopping_optimism(repeats, metric="log_loss", loss="binary_crossentropy", scores=[0.5] * 3) == 0
    assert stopping_optimism(repeats, metric="accuracy", loss="binary_crossentropy", scores=[0.5] * 3) == 0
    assert stopping_optimism(repeats[:1], metric="log_loss", loss="binary_crossentropy", scores=[0.5]) == 0


def test_an_epoch_that_a_repeat_never_reached_is_its_last() -> None:
    short, long = repeat([0.5, 0.6]), repeat([1.0, 0.9, 0.8, 0.7, 0.4])
    gain = stopping_optimism([short, long, long], metric="log_loss", loss="binary_crossentropy", scores=[0.5, 0.4, 0.4])
    assert np.isfinite(gain)


def test_scores_of_parts_are_the_metric() -> None:
    out = squared_errors(3, [np.arange(10), np.arange(10, 30)], np.random.default_rng(0))
    expected = [[part.terms[model].mean() for part in out.parts] for model in range(3)]
    np.testing.assert_allclose(part_scores(out), expected, rtol=1e-5)
