"""When the pruner first judges a trial."""

from __future__ import annotations

import pytest

from ffsearch.search.engines.pruners import PRUNERS, CurveBook, asha, below_median, first_rung_for, worse_than_any_fold


@pytest.mark.parametrize(("n_updates", "epochs"), [(1, 200), (13, 16), (51, 4), (100, 3), (5000, 3)])
def test_the_first_rung_is_some_epochs_and_some_updates_in(n_updates: int, epochs: int) -> None:
    assert first_rung_for(n_updates) == epochs
    assert first_rung_for(n_updates, n_folds=5) == 3 * epochs


@pytest.mark.parametrize("first", [3, 16])
def test_asha_judges_at_the_rungs_alone(first: int) -> None:
    assert PRUNERS["asha"] is asha
    judged = []
    book = CurveBook(first_rung=first, losses={0: [0.1] * 500})
    for epoch in range(1, 200):
        book.losses[1] = [0.2] * epoch
        if asha(book, 1):
            judged.append(epoch)
    assert judged == [rung for rung in (first, 3 * first, 9 * first, 27 * first) if rung < 200]


@pytest.mark.parametrize(("losses", "is_lost"), [({0: 0.5}, False), ({0: 0.5, 1: 0.9}, True), ({1: 0.61}, True)])
def test_a_trial_worse_on_average_than_the_best_one_at_its_worst_is_lost(
    losses: dict[int, float], *, is_lost: bool
) -> None:
    assert worse_than_any_fold(losses, [0.4, 0.6, 0.5]) is is_lost


def test_the_median_rule_waits_for_the_first_rung() -> None:
    book = CurveBook(first_rung=5, losses={trial: [0.1] * 50 for trial in range(5)}, complete={0, 1, 2, 3, 4})
    book.losses[9] = [0.2] * 4
    assert not below_median(book, 9)
    book.losses[9] = [0.2] * 5
    assert below_median(book, 9)
