"""Splits: laws that hold for every table, and requests that cannot be met."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ffsearch.errors import DataError, RunError
from ffsearch.search.data.splits import Fold, Guide, Splits, split_test, split_valid, without_gap

SHARES = st.floats(0.05, 0.6)
SEEDS = st.integers(0, 2**31)
PLAIN = Guide()


def codes(draw_from: int, n_rows: int, seed: int) -> np.ndarray:
    """Uneven numbers of rows for each of a few codes."""
    weights = np.arange(1, draw_from + 1) ** 2
    return np.random.default_rng(seed).choice(draw_from, size=n_rows, p=weights / weights.sum()).astype(np.int64)


def check_pair(rows: np.ndarray, fold: Fold) -> None:
    train, valid = fold
    assert min(len(train), len(valid)) > 0
    assert (np.sort(np.concatenate([train, valid])) == rows).all()
    assert train.dtype == valid.dtype == np.int64
    assert (np.diff(train) > 0).all()
    assert (np.diff(valid) > 0).all()


@given(n_rows=st.integers(10, 200), share=SHARES, seed=SEEDS)
def test_a_plain_holdout_has_its_share(n_rows: int, share: float, seed: int) -> None:
    rows = np.arange(n_rows)
    assume(0 < round(n_rows * share) < n_rows)
    test = split_test(rows, share, guide=PLAIN, seed=seed)
    assert len(test) == round(n_rows * share)
    assert (test == split_test(rows, share, guide=PLAIN, seed=seed)).all()
    development = np.setdiff1d(rows, test)
    (fold,) = split_valid(development, holdout=0.2, folds=None, guide=PLAIN, seed=seed)
    check_pair(development, fold)


@given(n_rows=st.integers(20, 300), n_classes=st.integers(2, 8), share=SHARES, seed=SEEDS)
def test_every_class_has_its_share_to_a_row(n_rows: int, n_classes: int, share: float, seed: int) -> None:
    classes = codes(n_classes, n_rows, seed)
    test = split_test(np.arange(n_rows), share, guide=Guide(classes=classes), seed=seed)
    n_test = round(n_rows * share)
    exact = np.bincount(classes, minlength=n_classes) * n_test / n_rows
    counts = np.bincount(classes[test], minlength=n_classes)
    assert (np.abs(counts - exact) < 1).all()
    assert (counts < np.bincount(classes, minlength=n_classes))[np.unique(classes)].all()


@given(n_rows=st.integers(20, 300), n_classes=st.integers(2, 8), n_folds=st.integers(2, 10), seed=SEEDS)
def test_folds_hold_out_every_row_once(n_rows: int, n_classes: int, n_folds: int, seed: int) -> None:
    classes = codes(n_classes, n_rows, seed)
    rows = np.arange(n_rows)
    folds = split_valid(rows, holdout=None, folds=n_folds, guide=Guide(classes=classes), seed=seed)
    for fold in folds:
        check_pair(rows, fold)
    assert (np.sort(np.concatenate([valid for _, valid in folds])) == rows).all()
    counts = np.array([np.bincount(classes[valid], minlength=n_classes) for _, valid in folds])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1


@given(n_rows=st.integers(20, 200), n_groups=st.integers(4, 30), share=SHARES, seed=SEEDS)
def test_groups_never_straddle(n_rows: int, n_groups: int, share: float, seed: int) -> None:
    groups = np.concatenate([np.arange(n_groups), codes(n_groups, n_rows, seed)])
    guide = Guide(groups=groups)
    rows = np.arange(len(groups))
    test = split_test(rows, share, guide=guide, seed=seed)
    development = np.setdiff1d(rows, test)
    assert len(test)
    assert not set(groups[test]) & set(groups[development])
    n_left = len(np.unique(groups[development]))
    assume(n_left >= 2)
    for folds in (None, min(3, n_left)):
        for fold in split_valid(development, holdout=0.2, folds=folds, guide=guide, seed=seed):
            check_pair(development, fold)
            assert not set(groups[fold[0]]) & set(groups[fold[1]])


@given(n_rows=st.integers(30, 200), n_moments=st.integers(15, 60), share=SHARES, seed=SEEDS)
def test_what_is_held_out_is_later(n_rows: int, n_moments: int, share: float, seed: int) -> None:
    moments = np.random.default_rng(seed).permutation(np.arange(n_rows) % n_moments).astype(np.float64)
    guide = Guide(moments=moments)
    rows = np.arange(n_rows)
    test = split_test(rows, share, guide=guide, seed=seed)
    development = np.setdiff1d(rows, test)
    assert moments[development].max() < moments[test].min()
    assume(len(np.unique(moments[development])) > 5)
    (holdout,) = split_valid(development, holdout=0.3, folds=None, guide=guide, seed=seed)
    check_pair(development, holdout)
    folds = split_valid(development, holdout=None, folds=3, guide=guide, seed=seed)
    for train, valid in (holdout, *folds):
        assert len(train)
        assert moments[train].max() < moments[valid].min()
    for (train, valid), (later, _) in pairwise(folds):
        assert (np.sort(np.concatenate([train, valid])) == later).all()
    assert (np.union1d(*folds[-1]) == development).all()


def test_zero_is_a_seed_and_repeats_differ() -> None:
    rows = np.arange(100)
    tests = [split_test(rows, 0.2, guide=PLAIN, seed=seed).tolist() for seed in (0, 0, 1)]
    assert tests[0] == tests[1] != tests[2]
    holdouts = [
        split_valid(rows, holdout=0.2, folds=None, guide=PLAIN, seed=0, repeat=repeat)[0][1].tolist()
        for repeat in (0, 0, 1)
    ]
    assert holdouts[0] == holdouts[1] != holdouts[2]


def test_the_only_row_of_a_class_is_learnt_from() -> None:
    classes = np.array([0] * 50 + [1] * 49 + [2])
    for seed in range(20):
        assert 99 not in split_test(np.arange(100), 0.5, guide=Guide(classes=classes), seed=seed)


def test_the_way_of_splitting_is_said() -> None:
    numbers = np.arange(3)
    assert PLAIN.method == "at random"
    assert Guide(classes=numbers).method == "at random within each class"
    assert Guide(classes=numbers, groups=numbers).method == "by group"
    assert Guide(classes=numbers, moments=numbers.astype(np.float64)).method == "by time"


@pytest.mark.parametrize(
    ("guide", "holdout", "folds", "text"),
    [
        (PLAIN, 0.01, None, r"^data\.valid\.holdout: 0\.01 of 12 rows leaves one side without rows\. Give more"),
        (PLAIN, None, 13, r"^data\.valid\.folds: 13 folds need as many rows, and there are 12\."),
        (
            Guide(groups=np.zeros(12, dtype=np.int64)),
            0.2,
            None,
            r"^data\.valid\.holdout: 1 group cannot be split; data",
        ),
        (
            Guide(groups=np.arange(12) % 3),
            None,
            4,
            r"^data\.valid\.folds: 4 folds need as many groups, and there are 3",
        ),
        (Guide(moments=np.zeros(12)), 0.2, None, r"^data\.valid\.holdout: all rows have the same moment, so none is"),
        (Guide(moments=np.arange(12.0) // 4), None, 5, r"^data\.valid\.folds: 5 folds by time need 6 stretches, and"),
    ],
)
def test_splits_that_cannot_be_made(guide: Guide, holdout: float | None, folds: int | None, text: str) -> None:
    with pytest.raises(DataError, match=text):
        split_valid(np.arange(12), holdout=holdout, folds=folds, guide=guide, seed=0)


def test_groups_larger_than_the_part() -> None:
    groups = np.array([0] * 50 + [1] * 30)
    test = split_test(np.arange(80), 0.05, guide=Guide(groups=groups), seed=0)
    assert test.tolist() == list(range(50, 80))


def test_of_few_groups_more_are_sealed_where_the_share_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of very different sizes: a large one fills most of the part alone."""
    groups = np.repeat(np.arange(12), np.where(np.arange(12) % 4 == 0, 60, 12))

    def sealed() -> list[int]:
        drawn = [split_test(np.arange(len(groups)), 0.3, guide=Guide(groups=groups), seed=seed) for seed in range(40)]
        assert all(abs(len(test) - 0.3 * len(groups)) <= 30 for test in drawn)  # half of a large group
        return [len(np.unique(groups[test])) for test in drawn]

    of_many = sealed()
    monkeypatch.setattr("ffsearch.search.data.splits._DEALS", 1)
    assert np.mean(of_many) > np.mean(sealed()) + 1


def test_nothing_is_learnt_from_in_the_gap_before_what_is_held_out() -> None:
    guide = Guide(moments=np.arange(100.0), gap=7.0)
    test = split_test(np.arange(100), 0.2, guide=guide, seed=0)
    development = without_gap(np.setdiff1d(np.arange(100), test), test, guide=guide)
    assert development.max() == 72
    for holdout, folds in ((0.2, None), (None, 4)):
        for train, valid in split_valid(development, holdout=holdout, folds=folds, guide=guide, seed=0):
            assert train.max() < valid.min() - 7
    with pytest.raises(DataError, match=r"^data\.gap: no row is so long before those that judge"):
        without_gap(np.arange(80), test, guide=Guide(moments=np.arange(100.0), gap=80.0))


@pytest.mark.parametrize(("holdout", "folds"), [(0.2, None), (None, 3)])
def test_by_time_every_repeat_has_an_origin_of_its_own(holdout: float | None, folds: int | None) -> None:
    guide = Guide(moments=np.arange(200.0))
    made = [
        split_valid(np.arange(200), holdout=holdout, folds=folds, guide=guide, seed=0, repeat=repeat)[-1]
        for repeat in range(5)
    ]
    for train, valid in made:
        assert train.max() < valid.min()
    ends = [int(valid.max()) for _, valid in made]
    assert ends == sorted(ends, reverse=True)
    assert len(set(ends)) == 5


def test_saved_splits_come_back(tmp_path: Path) -> None:
    rows = np.arange(40)
    test = split_test(rows, 0.2, guide=PLAIN, seed=0)
    folds = split_valid(np.setdiff1d(rows, test), holdout=None, folds=3, guide=PLAIN, seed=0)
    splits = Splits(test=test, folds=folds, method=PLAIN.method)
    splits.save(tmp_path / "splits.npz")
    loaded = Splits.load(tmp_path / "splits.npz")
    assert loaded.method == splits.method
    assert loaded.sha256 == splits.sha256
    assert len(loaded.sha256) == 64
    assert (loaded.development == np.setdiff1d(rows, test)).all()
    for one, other in zip(loaded.folds, splits.folds, strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("payload", [None, b"", b"no archive", b"PK\x03\x04torn"])
def test_splits_that_cannot_be_read(tmp_path: Path, payload: bytes | None) -> None:
    path = tmp_path / "splits.npz"
    if payload is not None:
        path.write_bytes(payload)
    with pytest.raises(RunError, match=r"splits\.npz holds no splits that can be read .* --fresh\."):
        Splits.load(path)
