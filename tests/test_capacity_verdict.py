"""What a study may claim: on scores whose truth is known, and how often it claims what is not there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.capacity.contrasts import Scores, resampled_scores
from ffsearch.search.capacity.findings import study_verdict
from ffsearch.search.capacity.plan import StudyCell
from ffsearch.search.capacity.verdict import StudyCode, StudyFindings, find
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.study_results import StudyLine
from ffsearch.search.network.topology import Point
from ffsearch.search.wording.codes import Code

MAE = Objective(name="mae", direction="minimize")


def cells(depths: Sequence[int], budgets: Sequence[int]) -> list[StudyCell]:
    return [
        StudyCell(depth=depth, budget=budget, n_params=budget, point=Point(depth=depth, width=8))
        for depth in depths
        for budget in budgets
    ]


def scored(
    gains: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    seed_sd: float | NDArray[np.float64] = 0.004,
    rest_sd: float = 0.05,
    n_rows: int = 300,
    n_seeds: int = 5,
    units: Units | None = None,
) -> Scores:
    """Losses of networks whose true gains are known: what rows share, what a seed adds, and a rest.

    Args:
        gains: Of every cell.
        rng: Where noise comes from.
        seed_sd: Of a network's true score, of all cells or of each.
        rest_sd: Of what a network adds on a row.
        n_rows: Test rows.
        n_seeds: Networks a cell.
        units: What is independent among the rows.
    """
    size = len(gains), n_seeds
    seeds = np.broadcast_to(seed_sd, len(gains))[:, None] * rng.standard_normal(size)
    rest = rest_sd * rng.standard_normal((*size, n_rows))
    terms = 1.0 - gains[:, None, None] + 0.5 * rng.standard_normal(n_rows) + seeds[:, :, None] + rest
    return resampled_scores(
        MAE, truth=np.zeros(n_rows), terms=terms.astype(np.float32)[..., None], rng=rng, units=units
    )


def found(
    gains: Sequence[float], depths: Sequence[int], budgets: Sequence[int], *, margin: float = 0.02, **given: object
) -> StudyFindings:
    rng = np.random.default_rng(0)
    each = np.array(gains, np.float64)
    return find(cells(depths, budgets), scored(each, rng, **given), valid=each, margin=margin)  # type: ignore[arg-type]


def said(findings: StudyFindings) -> dict[tuple[Code, str], dict[str, object]]:
    told = study_verdict(findings, metric="mae", train_gains={}, n_at_edge=0, n_cells=1)
    return {(one.code, one.form): dict(one.values) for one in told.sentences}


# --- the inputs of a review, each with what it may come to -----------------------------------------------------------


def test_only_a_depth_that_is_shown_is_named() -> None:
    """Depth 8 has the largest gain, and noise to match it."""
    noise = np.array([0.004, 0.004, 0.2])
    findings = found([0.0, 0.051, 0.061], (1, 4, 8), (1_000,), seed_sd=noise)
    assert not findings.means[1].is_shown
    assert findings.code is StudyCode.DEEPER
    assert said(findings)[Code.DEPTH_DEEPER, "dense"]["depth"] == 4


def test_only_a_loss_that_is_shown_is_named() -> None:
    noise = np.array([0.004, 0.004, 0.02])
    rng = np.random.default_rng(3)
    each = np.array([0.0, -0.051, -0.061])
    findings = find(cells((1, 4, 8), (1_000,)), scored(each, rng, seed_sd=noise), valid=each, margin=0.02)
    if findings.code is StudyCode.WIDER:
        named = said(findings)[Code.DEPTH_WIDER, "dense"]["depth"]
        assert next(one for one in findings.means if one.depth == named).is_loss


def test_a_gain_in_the_middle_of_the_budgets_is_no_saturation() -> None:
    findings = found([0.0, 0.06, 0.06, 0.0] * 2, (1, 2), (1_000, 3_000, 9_000, 27_000))
    assert findings.growth is not None
    assert findings.growth.is_below(0.02)
    assert findings.code is not StudyCode.SATURATED


def test_lines_that_grow_and_shrink_are_no_saturation_and_not_alike() -> None:
    """Depth 1 gains what depth 2 loses: by the means over budgets the two are as good as each other."""
    findings = found([0.0, 0.06, 0.06, 0.0], (1, 2), (3_000, 100_000))
    assert findings.means[0].gain.is_within(0.02)
    assert findings.code is StudyCode.NOT_SETTLED
    assert findings.crossings[0].is_shown
    assert findings.crossings[0].gain.value == pytest.approx(-0.12, abs=0.02)
    told = said(findings)
    assert told[Code.BUDGET_REVERSES, "better"]["budget"] == 3_000
    assert told[Code.BUDGET_REVERSES, "worse"]["budget"] == 100_000
    assert (Code.GAIN_CHANGES, "") in told


@pytest.mark.parametrize("gain", [0.015, 0.022])
def test_more_than_the_margin_is_an_interval_beyond_it(gain: float) -> None:
    findings = found([0.0, gain], (1, 2), (1_000,), seed_sd=0.002)
    low, high = findings.means[0].gain.interval()
    assert 0 < low < 0.02 < high
    assert findings.means[0].is_shown
    assert findings.code is not StudyCode.DEEPER


def test_near_the_margin_it_is_not_seeds_that_are_lacking() -> None:
    findings = found([0.0, 0.0185], (1, 2), (1_000,), seed_sd=0.002, rest_sd=0.02)
    assert findings.code is StudyCode.NOT_SETTLED
    assert findings.detectable is not None
    assert findings.detectable < 0.02
    assert (Code.STUDY_SETTLED_BY, "nothing") in said(findings)
    assert (Code.STUDY_SETTLED_BY, "seeds") not in said(findings)


def test_seeds_that_would_settle_it_are_more_than_there_are() -> None:
    findings = found([0.0, 0.01], (1, 2), (1_000,), seed_sd=0.03)
    assert findings.code is StudyCode.NOT_SETTLED
    assert findings.seeds_needed is not None
    assert findings.seeds_needed > 5
    assert (Code.STUDY_SETTLED_BY, "seeds") in said(findings)


def test_the_budget_that_is_overfitted_beyond_is_named_by_validation_rows() -> None:
    each = np.array([0.0, 0.05, 0.1, 0.0])
    scores = scored(each, np.random.default_rng(0))
    valid = np.array([0.0, 0.1, 0.05, 0.0])
    beyond = find(cells((1,), (1, 2, 3, 4)), scores, valid=valid, margin=0.02).beyond_best[StudyLine(1)]
    assert beyond is not None
    assert beyond.budget == 2
    assert beyond.is_shown


def test_test_rows_of_one_group_show_nothing() -> None:
    units = Units.of_labels(UnitKind.GROUPS, np.zeros(300))
    findings = found([0.0, 0.5], (1, 2), (1_000,), units=units)
    assert findings.code is StudyCode.NOT_SETTLED
    assert not findings.means[0].is_shown
    assert findings.means[0].gain.interval() == (-np.inf, np.inf)


# --- how often -------------------------------------------------------------------------------------------------------


def claims(findings: StudyFindings) -> bool:
    """Whether any difference between networks is said to be there."""
    return (
        findings.code in (StudyCode.DEEPER, StudyCode.WIDER)
        or any(one.is_gain or one.is_loss for one in (*findings.means, *findings.singles))
        or any(one is not None and one.is_shown for one in findings.beyond_best.values())
        or any(one.is_shown for one in findings.crossings)
    )


def studied(gains: NDArray[np.float64], seed: int, depths: Sequence[int], budgets: Sequence[int]) -> StudyFindings:
    """A study of known gains; validation rows see them with noise of their own."""
    rng = np.random.default_rng(seed)
    valid = gains + 0.004 * rng.standard_normal(len(gains))
    return find(cells(depths, budgets), scored(gains, rng, n_rows=150), valid=valid, margin=0.02)


@pytest.mark.slow
def test_where_nothing_differs_a_study_claims_nothing_in_19_of_20() -> None:
    depths, budgets = (1, 2, 4, 8), (1_000, 3_000, 10_000, 30_000)
    alarms = [claims(studied(np.zeros(16), seed, depths, budgets)) for seed in range(400)]
    assert np.mean(alarms) <= 0.05


@pytest.mark.slow
def test_a_gain_of_two_margins_is_claimed_in_9_of_10() -> None:
    depths, budgets = (1, 2, 4), (1_000, 3_000, 10_000)
    gains = np.repeat([0.0, 0.0, 0.04], 3)
    codes = [studied(gains, seed, depths, budgets).code for seed in range(400)]
    assert np.mean([code is StudyCode.DEEPER for code in codes]) >= 0.9
