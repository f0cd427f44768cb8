"""Who is trained again, on which rows, with which seeds, and who wins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import ACCURACY, LOSS, a_record
from ffsearch.search.data.prepare import prepare
from ffsearch.search.evidence.finalists import choose, choose_finalists, race, repeat_jobs
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.topology import Point
from ffsearch.search.steps.weighing import n_repeats_in_all
from ffsearch.search.training.protocol import Ended
from ffsearch.spaces.schema import DataSpec


def numbers(records: tuple[TrialRecord, ...]) -> list[int]:
    return [record.trial for record in records]


def records(values: list[float]) -> list[TrialRecord]:
    return [a_record(trial, value=value) for trial, value in enumerate(values)]


def test_the_best_and_the_default_are_finalists() -> None:
    told = records([0.9, 0.5, 0.3, 0.4, 0.6, 0.7])
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=3)) == [2, 3, 1, 0]
    assert numbers(choose_finalists(told, objective=ACCURACY, n_finalists=2)) == [0, 5]


def test_a_default_among_the_best_is_there_once() -> None:
    told = records([0.1, 0.5, 0.3])
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=2)) == [0, 2]


def test_topologies_are_distinct() -> None:
    same = [a_record(trial, value=0.1 * trial, point=Point(depth=2, width=64, l2=0.001 * trial)) for trial in (1, 2, 3)]
    told = [a_record(0, value=0.9), *same, a_record(4, value=0.8)]
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=3)) == [1, 4, 0]


def test_pruned_trials_come_last_and_those_without_a_value_never() -> None:
    told = [
        a_record(0, value=0.9),
        a_record(1, value=0.1, ended=Ended.PRUNED),
        a_record(2, value=0.5),
        a_record(3, ended=Ended.DIVERGED),
    ]
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=5)) == [2, 0, 1]
    assert choose_finalists(told[3:], objective=LOSS, n_finalists=5) == ()


def test_a_default_that_diverged_is_no_finalist() -> None:
    told = [a_record(0, ended=Ended.DIVERGED), a_record(1), a_record(2)]
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=2)) == [1, 2]


def test_a_point_with_several_seeds_counts_by_its_mean() -> None:
    lucky = Point(depth=2, width=99)
    told = [
        a_record(0, value=0.9),
        a_record(1, value=0.1, point=lucky),
        a_record(2, value=0.4),
        a_record(3, value=0.8, point=lucky, repeat_of=1),
    ]
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=2)) == [2, 1, 0]


def test_the_best_of_much_smaller_networks_get_places() -> None:
    widths = [64, 100, 99, 98, 97, 60, 50, 20, 10, 40]
    told = [
        a_record(trial, value=0.1 * trial, point=Point(depth=2, width=width))
        for trial, width in enumerate(widths, start=1)
    ]
    told[0] = a_record(0, value=9.0, point=Point(depth=2, width=64))
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=5)) == [2, 3, 4, 6, 8, 0]
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=3)) == [2, 3, 6, 0]


def test_without_a_smaller_network_the_next_best_get_its_place() -> None:
    told = [a_record(trial, value=0.1 * trial, point=Point(depth=2, width=64 + trial)) for trial in range(1, 9)]
    assert numbers(choose_finalists(told, objective=LOSS, n_finalists=5)) == [1, 2, 3, 4, 5]


def test_jobs_come_repeat_by_repeat_with_seeds_of_their_own() -> None:
    points = [(3, Point(depth=1, width=4)), (8, Point(depth=2, width=4))]
    jobs = list(repeat_jobs(points, [1, 2, 3], seed=0))
    assert [(job.fold, job.trial) for job in jobs] == [(0, 3), (0, 8), (1, 3), (1, 8), (2, 3), (2, 8)]
    states = {tuple(job.seed.generate_state(2)) for job in jobs}
    assert len(states) == 6
    alone = list(repeat_jobs(points[1:], [2], seed=0))
    np.testing.assert_array_equal(alone[0].seed.generate_state(4), jobs[3].seed.generate_state(4))


# --- the choice ------------------------------------------------------------------------------------------------------


def chosen(scores: list[list[float]], n_params: list[int]) -> int:
    return int(choose(np.array(scores), n_params=n_params, test_to_train=0.25))


def test_the_smallest_within_one_standard_error_wins() -> None:
    best, close, far = [0.5, 0.6, 0.4], [0.52, 0.58, 0.43], [0.8, 0.9, 0.7]
    assert chosen([best, close, far], [300, 100, 10]) == 1
    assert chosen([best, close, far], [100, 300, 10]) == 0


def test_a_small_difference_that_is_there_every_time_counts() -> None:
    assert chosen([[0.5, 0.6, 0.4], [0.511, 0.609, 0.41]], [300, 100]) == 0


def test_a_difference_within_the_error_of_the_best_counts_if_it_is_worth_having() -> None:
    scores = np.array([[0.5, 0.6, 0.4], [0.511, 0.609, 0.41], [0.57, 0.68, 0.47]])
    rule = {"n_params": [300, 100, 10], "test_to_train": 0.25}
    assert choose(scores, **rule, worth=0.009) == 0
    assert choose(scores, **rule, worth=0.05) == 1
    assert choose(scores, **rule, worth=0.5) == 2  # 0.073 worse; the best one's mean is known to 0.076
    assert choose(np.add(scores, [[0.0], [0.0], [0.01]]), **rule, worth=0.5) == 1


def test_the_race_leaves_who_would_win_and_the_best_means() -> None:
    scores = np.array([[0.50, 0.60], [0.51, 0.60], [0.9, 0.8], [0.52, 0.58], [np.nan, 0.1]])
    rule = {"test_to_train": 0.25}
    assert race(scores, n_params=[300, 200, 10, 400, 5], n_left=3, **rule) == [0, 1, 3]
    assert race(scores, n_params=[300, 200, 10, 100, 5], n_left=1, **rule) == [3]
    assert race(scores, n_params=[300, 200, 10, 400, 5], n_left=4, **rule) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("n_finalists", "n_repeats", "n_networks"), [(1, 5, 5), (2, 5, 10), (3, 5, 12), (6, 5, 21), (2, 2, 4)]
)
def test_two_stay_for_all_repeats(n_finalists: int, n_repeats: int, n_networks: int) -> None:
    """Half of them leave after two repeats, but never all but one, whose spread of seeds nothing would tell."""
    assert n_repeats_in_all(n_finalists, n_repeats) == n_networks


def test_one_repeat_has_no_standard_error() -> None:
    assert chosen([[0.5], [0.5001]], [300, 100]) == 0


def test_a_finalist_that_diverged_never_wins() -> None:
    assert chosen([[np.nan, 0.1, 0.1], [0.5, 0.6, 0.7]], [1, 9]) == 1
    assert chosen([[np.inf, 0.1, 0.1], [0.5, 0.6, 0.7]], [1, 9]) == 1


@given(seed=st.integers(0, 1000))
def test_many_choices_at_once_equal_one_at_a_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(7, 4, 3)).round(1)
    rule = {"n_params": [4, 1, 3, 1], "test_to_train": 0.25, "worth": 0.3}
    together = choose(scores, **rule)
    assert list(together) == [int(choose(one, **rule)) for one in scores]
    sizes = np.array(rule["n_params"])
    best = scores.mean(axis=2).argmin(axis=1)
    assert (sizes[together] <= sizes[best]).all()


# --- fresh splits ----------------------------------------------------------------------------------------------------


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    number = rng.normal(size=120)
    return pd.DataFrame(
        {
            "number": number,
            "who": [f"w{row // 6}" for row in range(120)],
            "when": pd.date_range("2024-01-01", periods=120).astype(str),
            "y": np.where(number + rng.normal(size=120) > 0, "yes", "no"),
        }
    )


@pytest.mark.parametrize("valid", [{"holdout": 0.25}, {"folds": 4}])
@pytest.mark.parametrize("roles", [{}, {"groups": "who"}])
def test_repeats_deal_the_development_rows_out_anew(valid: dict[str, float], roles: dict[str, str]) -> None:
    ready = prepare(DataSpec(source="frame", target="y", valid=valid, **roles), frame=table(), seed=0)
    dealt = [ready.repeat_rows(number) for number in range(4)]
    for train, valid_rows in dealt:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, valid_rows])), ready.development_rows)
    for one, other in pairwise(dealt):
        assert not np.array_equal(one[1], other[1])
    np.testing.assert_array_equal(dealt[0][1], ready.splits.folds[-1][1])
    problem = ready.repeats([1, 2])
    assert [len(split.x_valid) for split in problem.splits] == [len(dealt[1][1]), len(dealt[2][1])]
    again = ready.repeats([2])
    np.testing.assert_array_equal(again.splits[0].x_valid, problem.splits[1].x_valid)


def test_by_time_every_repeat_ends_before_the_one_before_it() -> None:
    spec = DataSpec(source="frame", target="y", time="when", valid={"folds": 3})
    ready = prepare(spec, frame=table(), seed=0)
    ends = [ready.splits.folds[-1][1].max(), *(ready.repeat_rows(repeat)[1].max() for repeat in (1, 2, 3))]
    assert ends == sorted(set(ends), reverse=True)


@pytest.mark.parametrize("roles", [{}, {"groups": "who"}, {"time": "when"}])
def test_half_of_a_repeats_rows_are_drawn_as_its_validation_rows_are(roles: dict[str, str]) -> None:
    frame = table()
    ready = prepare(DataSpec(source="frame", target="y", **roles), frame=frame, seed=0)
    (train, valid), (half, same) = ready.repeat_rows(1), ready.repeat_rows(1, share=0.5)
    np.testing.assert_array_equal(valid, same)
    assert set(half) < set(train)
    assert len(half) == pytest.approx(len(train) / 2, abs=0.1 * len(train))
    rest = np.setdiff1d(train, half)
    assert set(frame["y"][half]) == set(frame["y"][train])
    if "groups" in roles:
        assert not set(frame["who"][half]) & set(frame["who"][rest])
    if "time" in roles:
        assert frame["when"][half].min() > frame["when"][rest].max()
    assert len(ready.repeats([1], share=0.5).splits[0].x_train) == len(half)
