"""Records of trials: to JSON and back, to tables, and what an engine is told of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import ACCURACY, FACTS, LOSS, a_curve, a_record
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.kept_trial import MOST_NUMBERS
from ffsearch.search.folder.ranking import Leader, best_record, best_standing
from ffsearch.search.folder.results import SealedTest
from ffsearch.search.folder.summary import SUMMARY_SCHEMA, RefitFacts, RunFacts, build_summary
from ffsearch.search.folder.trial_record import (
    TrialRecord,
    bad_value,
    curves_frame,
    told_history,
    trials_frame,
)
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.steps.changes import AT_OTHER_RATES, FIRST_PARTNER
from ffsearch.search.steps.fewer_columns import FIRST_WITHOUT
from ffsearch.search.steps.mean_networks import FIRST_BESIDE
from ffsearch.search.steps.weighing import ON_FEWER_ROWS, i_star
from ffsearch.search.training.protocol import Curve, Ended
from ffsearch.spaces.schema import MAX_TRIALS

RECORDS = (
    a_record(0, value=0.5),
    a_record(2, value=0.3, point=Point(depth=2, width=64, widths=(64, 32), activation=Activation.SELU)),
    a_record(1, value=0.1, ended=Ended.PRUNED),
    a_record(3, ended=Ended.DIVERGED, curve=a_curve(0), n_epochs=1),
    a_record(4, value=0.3, repeat_of=2),
    a_record(5, ended=Ended.FAILED, curve=a_curve(0)),
)


@given(
    st.lists(st.floats(width=32), min_size=0, max_size=8),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
def test_a_record_comes_back_from_strict_json_as_it_was(losses: list[float], value: float | None, text: str) -> None:
    array = np.array(losses, dtype=np.float32)
    curve = Curve(train_loss=array, valid_loss=array, penalty=array)
    record = a_record(7, value=value, curve=curve, error=text, notes={"remark": text}, repeat_of=3)
    line = json.dumps(record.as_dict(), allow_nan=False)
    back = TrialRecord.from_dict(json.loads(line))
    assert back.as_dict() == record.as_dict()
    assert back.point == record.point
    finite = np.isfinite(array)
    assert np.array_equal(back.curve.valid_loss[finite], array[finite])
    assert not np.isfinite(back.curve.valid_loss[~finite]).any()


@pytest.mark.parametrize("first", [FIRST_PARTNER, ON_FEWER_ROWS, AT_OTHER_RATES, FIRST_BESIDE, FIRST_WITHOUT])
def test_networks_that_evidence_trains_come_back_under_their_numbers(first: int) -> None:
    for number in (first, first + MAX_TRIALS - 1):
        assert TrialRecord.from_dict(a_record(number).as_dict()).trial == number
    with pytest.raises(ValueError, match="trial: Input should be less than"):
        TrialRecord.from_dict(a_record(MOST_NUMBERS).as_dict())


def test_names_of_a_newer_version_are_passed_over() -> None:
    values = a_record(0).as_dict() | {"colour": "green"}
    assert TrialRecord.from_dict(values).as_dict() == a_record(0, ended_at=values["ended_at"]).as_dict()


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (Ended.STOPPED, "stopped at 5, best 3"),
        (Ended.COMPLETED, "completed at 5, best 3"),
        (Ended.BUDGET, "budget at 5, best 3"),
        (Ended.PRUNED, "pruned at 5"),
        (Ended.DIVERGED, "diverged at 5"),
        (Ended.FAILED, "failed"),
    ],
)
def test_a_record_says_why_it_ended(ended: Ended, why: str) -> None:
    assert a_record(0, ended=ended).why == why


def test_a_point_tried_again_stands_by_the_mean_of_its_seeds() -> None:
    lucky, steady = a_record(0, value=0.1), a_record(1, value=0.3)
    again = a_record(2, value=0.9, point=lucky.point, repeat_of=0)
    pruned = a_record(3, value=0.01, point=lucky.point, repeat_of=0, ended=Ended.PRUNED)
    best = best_standing([lucky, steady, again, pruned], objective=LOSS)
    assert best is not None
    assert (best.record.trial, best.value, best.n_seeds) == (1, 0.3, 1)
    best = best_standing([lucky, again], objective=LOSS)
    assert best is not None
    assert (best.record.trial, best.value, best.n_seeds) == (0, 0.5, 2)


@st.composite
def told_one_by_one(draw: st.DrawFn) -> list[TrialRecord]:
    """Trials as a search tells them: some without a value, some pruned, some of a point that was tried before."""
    records: list[TrialRecord] = []
    for trial in range(draw(st.integers(0, 8))):
        ended = draw(st.sampled_from([Ended.STOPPED, Ended.PRUNED, Ended.DIVERGED]))
        value = None if ended is Ended.DIVERGED else draw(st.sampled_from([0.1, 0.2, 0.3, 0.4]))
        firsts = [one.trial for one in records if one.repeat_of is None]
        of = draw(st.sampled_from([None, *firsts]))
        point = records[of].point if of is not None else None
        given = {} if point is None else {"point": point}
        records.append(a_record(trial, value=value, ended=ended, repeat_of=of, **given))
    return records


@given(told_one_by_one(), st.sampled_from([LOSS, ACCURACY]), st.data())
def test_the_leader_is_the_best_after_every_trial(
    records: list[TrialRecord], objective: Objective, data: st.DataObject
) -> None:
    leader = Leader(objective)
    for n_told in sorted(data.draw(st.lists(st.integers(0, len(records))))):
        best = best_record(records[:n_told], objective=objective)
        assert leader.of(records[:n_told]) is best


def test_the_best_is_one_that_was_trained_to_its_end() -> None:
    best = best_record(RECORDS, objective=LOSS)
    assert best is not None
    assert best.trial == 2
    best = best_record(RECORDS, objective=ACCURACY)
    assert best is not None
    assert best.trial == 0
    pruned_alone = best_record(RECORDS[2:4], objective=LOSS)
    assert pruned_alone is not None
    assert pruned_alone.trial == 1
    assert best_record(RECORDS[3:4], objective=LOSS) is None


@pytest.mark.parametrize(
    ("objective", "values", "worst"),
    [
        (LOSS, [0.2, None, 0.9], 1.1),
        (LOSS, [0.2, None, 5.0], 5.0),
        (ACCURACY, [0.9, 0.4], 0.4),
        (ACCURACY, [], 1.1),
    ],
)
def test_a_bad_value_is_the_worst_seen_and_no_better_than_guessing(
    objective: Objective, values: list[float | None], worst: float
) -> None:
    assert bad_value(values, naive=1.1, objective=objective) == worst


def test_history_tells_what_was_told_while_it_ran() -> None:
    """The bad value of a diverged trial is that of its moment, not of the end."""
    told = told_history([*RECORDS[:4], a_record(6, value=9.0)], naive=0.4, objective=LOSS)
    assert [each.value for each in told] == [0.5, 0.3, 0.1, 0.5, 9.0]
    assert [each.trial for each in told] == [0, 2, 1, 3, 6]
    assert told[0].valid_loss == tuple(map(float, RECORDS[0].curve.valid_loss))


def test_what_is_not_finite_is_not_told() -> None:
    losses = np.array([0.5, np.nan], np.float32)
    record = a_record(0, ended=Ended.DIVERGED, curve=Curve(train_loss=losses, valid_loss=losses, penalty=losses))
    assert record.told(otherwise=3.0).valid_loss == (0.5,)


def test_the_table_has_a_row_a_trial_in_the_order_of_their_numbers() -> None:
    frame = trials_frame(RECORDS)
    assert list(frame["trial"]) == [0, 1, 2, 3, 4, 5]
    assert list(frame["ended"]) == ["stopped", "pruned", "stopped", "diverged", "stopped", "failed"]
    assert frame.loc[2, "point.widths"] == "64-32"
    assert frame.loc[2, "point.activation"] == "selu"
    assert frame["repeat_of"].tolist()[4] == 2
    assert frame["repeat_of"].isna()[0]
    assert frame["value"].isna()[3]
    assert frame.loc[0, "metric.accuracy"] == 0.9
    assert frame.loc[5, "error"] == "ValueError: no"
    assert frame.loc[5, "seed"] == "0/2/5"


def test_an_empty_table_has_the_same_types() -> None:
    empty, full = trials_frame([]), trials_frame(RECORDS)
    assert empty.dtypes.to_dict() == full.drop(columns=["metric.accuracy", "metric.roc_auc"]).dtypes.to_dict()
    assert curves_frame([]).dtypes.to_dict() == curves_frame(RECORDS).dtypes.to_dict()


def test_curves_have_a_row_an_epoch() -> None:
    frame = curves_frame(RECORDS)
    assert list(frame.columns) == ["trial", "epoch", "train_loss", "valid_loss", "penalty"]
    assert frame.groupby("trial")["epoch"].max().to_dict() == {0: 5, 1: 5, 2: 5, 4: 5}
    ours = frame[frame["trial"] == 2]
    assert np.array_equal(ours["valid_loss"], RECORDS[1].curve.valid_loss)


def test_facts_come_back_from_json() -> None:
    values = json.loads(json.dumps(FACTS.as_dict() | {"colour": "green"}))
    assert RunFacts.from_dict(values) == FACTS


def test_the_summary_has_the_keys_programs_rely_on() -> None:
    test = SealedTest(value=0.4, low=0.3, high=0.5, metrics={"accuracy": 0.9}, openings=1)
    summary = build_summary(
        FACTS, RECORDS, wall_s=12.3456, refit=RefitFacts(epochs=3.5, updates=42, n_rows=142), test=test
    ).as_dict()
    assert summary["schema"] == SUMMARY_SCHEMA
    assert summary["objective"] == {"name": "log_loss", "direction": "minimize"}
    assert summary["data"]["sha256"] == "ab" * 32
    assert summary["search"] == {
        "engine": "optuna", "sampler": "tpe", "pruner": "asha", "trainer": "keras", "seed": 0,
        "n_trials": 6, "n_complete": 3, "n_pruned": 1, "n_diverged": 1, "n_failed": 1, "n_epochs": 26,
        "wall_s": 12.346, "train_s": 9.0, "compile_s": 3.0,
    }  # fmt: skip
    assert summary["best"] is not None
    assert summary["best"].keys() == {"trial", "point", "topology", "n_seeds", "n_params", "valid"}
    assert summary["evidence"]["naive"] == {"value": 0.3, "trial": 2}
    assert summary["evidence"]["test"] == {
        "value": 0.4, "low": 0.3, "high": 0.5, "metrics": {"accuracy": 0.9}, "openings": 1,
    }  # fmt: skip
    assert summary["refit"] == {"epochs": 3.5, "updates": 42, "n_rows": 142}


def test_a_run_without_a_value_has_a_summary_too() -> None:
    summary = build_summary(replace(FACTS, objective=ACCURACY), RECORDS[3:4], wall_s=math.pi).as_dict()
    assert summary["best"] is None
    assert summary["evidence"] == {}
    assert "refit" not in summary


def test_i_star_is_the_median_over_folds() -> None:
    folds = [{"n_updates": 30, "best_epoch": 3}, {"n_updates": 90, "best_epoch": 9}, {"n_updates": 40, "best_epoch": 4}]
    steps = i_star([a_record(0, notes={"folds": folds})])
    assert (steps.updates, steps.epochs) == (40, 4)
    alone = i_star([a_record(0)])
    assert (alone.updates, alone.epochs) == (42, 3)
    repeats = [a_record(0, n_updates=n, best_epoch=n // 10) for n in (50, 20, 80)]
    assert (i_star(repeats).updates, i_star(repeats).epochs) == (50, 5)


def test_losses_of_folds_are_told_of_whole_trials_alone_and_a_lost_trial_says_after_how_many() -> None:
    folds = [{"fold": n, "ended": "stopped", "best_epoch": 3, "n_updates": 42, "valid_loss": 0.1 * n} for n in range(5)]
    whole, lost = a_record(0, notes={"folds": folds}), a_record(1, ended=Ended.PRUNED, notes={"folds": folds[:4]})
    assert whole.told(otherwise=9.0).fold_losses == tuple(0.1 * n for n in range(5))
    assert lost.told(otherwise=9.0).fold_losses == ()
    assert lost.why == "pruned after 4 folds"
    within = a_record(2, ended=Ended.PRUNED, notes={"folds": [folds[0] | {"ended": "pruned"}, folds[1]]})
    assert within.why == "pruned at 5"
    assert trials_frame([lost, within])["n_folds_judged"].tolist() == [4, 0]
    older = a_record(3, notes={"folds": [{"fold": 0, "ended": "stopped", "best_epoch": 3, "n_updates": 42}]})
    assert older.told(otherwise=9.0).fold_losses == ()


def test_an_error_that_names_a_file_which_is_no_text_is_kept_and_read() -> None:
    record = a_record(0, ended=Ended.FAILED, error="no such file: '\udcff.csv'")
    back = TrialRecord.from_dict(json.loads(json.dumps(record.as_dict())))
    assert back.error == "no such file: '\\udcff.csv'"
