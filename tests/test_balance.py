"""Balanced rows: weights, what an epoch reads, and synthetic rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ffsearch.search.data.features.problem import MatrixColumns, Role
from ffsearch.search.network.topology import Balance
from ffsearch.search.training.balance import (
    MAX_PARENTS,
    BalancedRows,
    class_weights,
    draw_order,
    rows_per_epoch,
    synthetic_rows,
)
from ffsearch.search.training.batches import epoch_order

SEED = np.random.SeedSequence(3)
MIXED = MatrixColumns(cell=np.array([0, 1, 0, 2, 2, 2], np.int32), role=np.array([0, 0, 1, 2, 2, 2], np.int8))
"""Two numbers, the missing flag of the first, a category of three levels."""

Classes = NDArray[np.int64]
some_classes = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(lambda rows: np.array(rows, np.int64))


def mixed_rows(n_rows: int, *, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    numbers, flag = rng.normal(size=(n_rows, 2)), rng.random((n_rows, 1)) < 0.2
    return np.hstack([numbers, flag, np.eye(3)[rng.integers(0, 3, n_rows)]]).astype(np.float32)


def unequal(*counts: int) -> Classes:
    return np.repeat(np.arange(len(counts)), counts)


def balanced(x: NDArray[np.float32], classes: Classes, balance: Balance, **given: NDArray[np.float32]) -> BalancedRows:
    columns = MatrixColumns.of_numbers(x.shape[1])
    return BalancedRows(x, classes.astype(np.int32), balance=balance, columns=columns, **given)


@given(some_classes)
def test_weights_have_mean_1_and_make_classes_count_alike(classes: Classes) -> None:
    weights = class_weights(classes).astype(np.float64)
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    totals = [weights[classes == label].sum() for label in np.unique(classes)]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)


def test_weights_go_on_top_of_those_rows_have() -> None:
    own = np.array([1, 2, 0, 1], np.float32)
    weights = class_weights(np.array([0, 0, 1, 1]), own)
    np.testing.assert_allclose(weights, [2 / 3, 4 / 3, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(class_weights(np.array([0, 1]), np.array([2, 0], np.float32)), [2, 0])


@given(some_classes, st.integers(1, 100), st.integers(0, 3))
def test_an_order_has_as_many_of_each_class_and_no_row_once_more_than_another(
    classes: Classes, n_rows: int, seed: int
) -> None:
    order = draw_order(classes, n_rows, generator=np.random.default_rng(seed))
    assert len(order) == n_rows
    counts = np.bincount(classes[order], minlength=5)[np.unique(classes)]
    assert np.ptp(counts) <= 1
    times = np.bincount(order, minlength=len(classes))
    for label in np.unique(classes):
        assert np.ptp(times[classes == label]) <= 1


class TestBalancedRows:
    classes = unequal(70, 20, 10)
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)

    @pytest.mark.parametrize("balance", Balance)
    def test_an_epoch_follows_from_seed_and_number(self, balance: Balance) -> None:
        rows = balanced(self.x, self.classes, balance)
        one, two = rows.order(SEED, 1), rows.order(SEED, 2)
        assert one.dtype == np.int32
        assert len(one) == rows.n_rows == rows_per_epoch(self.classes, balance)
        np.testing.assert_array_equal(one, balanced(self.x, self.classes, balance).order(SEED, 1))
        assert not np.array_equal(one, two)

    @pytest.mark.parametrize("balance", [Balance.NONE, Balance.CLASS_WEIGHT])
    def test_every_row_once_where_rows_are_not_drawn(self, balance: Balance) -> None:
        rows = balanced(self.x, self.classes, balance)
        np.testing.assert_array_equal(rows.order(SEED, 4), epoch_order(SEED, 4, n_rows=100))
        assert (rows.weight is None) == (balance is Balance.NONE)

    def test_undersampling_reads_as_many_of_each_class_as_the_smallest_has(self) -> None:
        rows = balanced(self.x, self.classes, Balance.UNDERSAMPLE)
        order = rows.order(SEED, 1)
        assert np.bincount(self.classes[order]).tolist() == [10, 10, 10]
        assert len(set(order.tolist())) == 30

    def test_large_classes_are_read_whole_over_some_epochs(self) -> None:
        rows = balanced(self.x, self.classes, Balance.OVERSAMPLE)
        seen = {row for epoch in range(1, 20) for row in rows.order(SEED, epoch).tolist()}
        assert seen == set(range(100))

    def test_synthetic_rows_come_last_and_are_drawn_like_others(self) -> None:
        weight = np.linspace(0, 2, 100, dtype=np.float32)
        rows = balanced(self.x, self.classes, Balance.SMOTE, weight=weight)
        np.testing.assert_array_equal(rows.x[:100], self.x)
        assert np.bincount(rows.y).tolist() == [70, 34, 34]
        assert np.bincount(rows.y[rows.order(SEED, 1)]).tolist() in ([34, 33, 33], [33, 34, 33], [33, 33, 34])
        assert rows.weight is not None
        np.testing.assert_array_equal(rows.weight[100:], 1)

    def test_binary_targets_keep_their_shape(self) -> None:
        y = (np.arange(50) < 8).astype(np.float32)[:, None]
        columns = MatrixColumns.of_numbers(4)
        rows = BalancedRows(self.x[:50], y, balance=Balance.SMOTE, columns=columns)
        assert rows.y.shape == (len(rows.x), 1)
        assert rows.y.dtype == np.float32
        assert rows.y.sum() == 25


class TestSyntheticRows:
    def test_numbers_lie_between_rows_of_the_class_and_categories_are_whole(self) -> None:
        x, classes = mixed_rows(200), unequal(160, 40)
        made, labels = synthetic_rows(x, classes, columns=MIXED)
        assert labels.tolist() == [1] * 60
        assert made.dtype == np.float32
        own = x[classes == 1]
        assert (made[:, :2] >= own[:, :2].min(axis=0) - 1e-6).all()
        assert (made[:, :2] <= own[:, :2].max(axis=0) + 1e-6).all()
        assert set(np.unique(made[:, 2:])) <= {0.0, 1.0}
        np.testing.assert_array_equal(made[:, 3:].sum(axis=1), 1)

    def test_the_same_rows_give_the_same(self) -> None:
        x, classes = mixed_rows(100), unequal(80, 20)
        one, two = (synthetic_rows(x, classes, columns=MIXED)[0] for _ in range(2))
        np.testing.assert_array_equal(one, two)

    def test_classes_of_few_rows_use_the_neighbours_they_have_and_one_row_has_none(self) -> None:
        x, classes = mixed_rows(100), unequal(94, 3, 2, 1)
        _, labels = synthetic_rows(x, classes, columns=MIXED)
        assert np.bincount(labels).tolist() == [0, 22, 23]

    def test_classes_of_one_size_need_none(self) -> None:
        made, labels = synthetic_rows(mixed_rows(40), unequal(20, 20), columns=MIXED)
        assert made.shape == (0, 6)
        assert len(labels) == 0

    def test_categories_alone(self) -> None:
        columns = MatrixColumns(cell=np.zeros(3, np.int32), role=np.full(3, Role.SLOT, np.int8))
        made, _ = synthetic_rows(mixed_rows(60)[:, 3:], unequal(50, 10), columns=columns)
        assert len(made) == 20
        np.testing.assert_array_equal(made.sum(axis=1), 1)

    def test_bins_lie_between_those_of_the_parents(self) -> None:
        roles = np.array([Role.NUMBER, Role.BIN, Role.BIN], np.int8)
        columns = MatrixColumns(cell=np.zeros(3, np.int32), role=roles)
        z = np.random.default_rng(0).uniform(size=60).astype(np.float32)
        x = np.column_stack([z, np.clip(2 * z, 0, 1), np.clip(2 * z - 1, 0, 1)])
        made, _ = synthetic_rows(x, unequal(50, 10), columns=columns)
        assert len(made) == 20
        assert ((made >= 0) & (made <= 1)).all()
        assert len(np.unique(made[:, 1:].sum(axis=1))) > 15  # not one row's bins again and again
        np.testing.assert_allclose(made[:, 1:].sum(axis=1) / 2, made[:, 0], atol=1e-6)

    def test_a_large_class_has_some_of_its_rows_as_parents(self) -> None:
        classes = unequal(3 * MAX_PARENTS, MAX_PARENTS + 10)
        x = np.arange(len(classes), dtype=np.float32)[:, None]
        made, _ = synthetic_rows(x, classes, columns=MatrixColumns.of_numbers(1))
        assert len(made) == MAX_PARENTS - 5
        assert made.min() >= 3 * MAX_PARENTS
