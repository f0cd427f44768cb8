"""Augmentation as NumPy defines it, and the lane's version of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.compiled import callable_part
from contracts.trainers import head_for
from ffsearch.errors import SpaceError
from ffsearch.search.data.features.problem import MatrixColumns
from ffsearch.search.network.heads import Task
from ffsearch.search.network.points import Parameters
from ffsearch.search.network.topology import AUGMENTATIONS, Balance, Point
from ffsearch.search.training import elementwise, lane_augment
from ffsearch.search.training.augment import (
    IMAGE_ONLY,
    Batch,
    Draw,
    augment_batch,
    augment_words,
    check_augmentation,
    epoch_draws,
    is_augmented,
)
from ffsearch.search.training.hashing import place_bits, update_words
from ffsearch.search.training.lanes import augmentation
from ffsearch.spaces.loader import load_space

Array = NDArray[Any]

augment_rows, lane_bits, update_key = (
    callable_part(part) for part in (lane_augment.augment_rows, elementwise.place_bits, elementwise.update_key)
)

SEED = np.random.SeedSequence(5)
TABLE = MatrixColumns(cell=np.array([0, 1, 2, 1, 3, 3, 3], np.int32), role=np.array([0, 0, 0, 1, 2, 2, 2], np.int8))
"""Three numbers, the missing flag of the second, a category of three levels."""

IMAGE = MatrixColumns.of_numbers(8 * 6 * 2, image=(8, 6, 2))


def point_of(**augment: float) -> Point:
    return Point(depth=1, width=4, **{f"augment_{name}": value for name, value in augment.items()})


def table_rows(n_rows: int = 64) -> Array:
    rng = np.random.default_rng(0)
    flag = rng.random((n_rows, 1)) < 0.5
    return np.hstack([rng.normal(size=(n_rows, 3)), flag, np.eye(3)[rng.integers(0, 3, n_rows)]]).astype(np.float32)


def image_rows(n_rows: int = 64) -> Array:
    return np.random.default_rng(1).normal(size=(n_rows, 96)).astype(np.float32)


def batch_of(x: Array) -> Batch:
    rng = np.random.default_rng(2)
    classes = rng.integers(0, 3, len(x))
    return Batch(x=x, y=np.eye(3, dtype=np.float32)[classes], weight=rng.random(len(x)).astype(np.float32))


def augmented(x: Array, point: Point, columns: MatrixColumns, *, step: int = 7, seed: Any = SEED) -> Batch:
    draws = epoch_draws(seed, 1, point=point, columns=columns, n_updates=1, batch_size=len(x))[0]
    return augment_batch(batch_of(x), draws, point=point, columns=columns, words=augment_words(seed), step=step)


class TestTables:
    def test_noise_falls_on_number_columns_with_the_deviation_it_should_have(self) -> None:
        x = table_rows(5000)
        change = augmented(x, point_of(noise=0.2), TABLE).x - x
        assert change[:, :3].std() == pytest.approx(0.2, rel=0.03)
        assert change[:, :3].mean() == pytest.approx(0, abs=0.01)
        assert np.abs(np.corrcoef(change[:, :3].T) - np.eye(3)).max() < 0.06
        np.testing.assert_array_equal(change[:, 3:], 0)

    def test_swapped_cells_are_whole_and_come_from_the_same_column(self) -> None:
        x = table_rows(4000)
        out = augmented(x, point_of(swap=0.3), TABLE).x
        np.testing.assert_array_equal(out[:, 4:].sum(axis=1), 1)
        moved = out[:, 1] != x[:, 1]
        assert moved.mean() == pytest.approx(0.3, abs=0.03)
        assert (out[~moved, 3] == x[~moved, 3]).all()  # the flag goes with its number
        for column in range(3):
            assert set(out[:, column]) <= set(x[:, column])
        together = (out[:, 0] != x[:, 0]) & moved
        assert together.mean() == pytest.approx(0.09, abs=0.02)
        np.testing.assert_array_equal(augmented(x[:1], point_of(swap=1.0), TABLE).x, x[:1])

    def test_mixup_mixes_rows_targets_and_weights_by_one_share(self) -> None:
        x = table_rows()
        before, after = batch_of(x), augmented(x, point_of(mixup=0.5), TABLE)
        draws = epoch_draws(SEED, 1, point=point_of(mixup=0.5), columns=TABLE, n_updates=1, batch_size=64)[0]
        share, partner = draws[:, Draw.SHARE], draws[:, Draw.PARTNER].astype(int)
        assert (partner != np.arange(64)).all()
        np.testing.assert_allclose(after.x, share[:, None] * x + (1 - share[:, None]) * x[partner], atol=1e-6)
        np.testing.assert_allclose(after.y.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(
            after.weight, share * before.weight + (1 - share) * before.weight[partner], atol=1e-6
        )

    def test_shares_follow_the_beta_distribution(self) -> None:
        draws = epoch_draws(SEED, 1, point=point_of(mixup=0.4), columns=TABLE, n_updates=100, batch_size=100)
        assert draws[:, :, Draw.SHARE].mean() == pytest.approx(0.5, abs=0.02)
        assert draws[:, :, Draw.SHARE].var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.05)

    def test_seeds_epochs_and_updates_draw_anew(self) -> None:
        x, point = table_rows(), point_of(noise=0.1)
        one = augmented(x, point, TABLE).x
        np.testing.assert_array_equal(one, augmented(x, point, TABLE).x)
        assert not np.array_equal(one, augmented(x, point, TABLE, step=8).x)
        assert not np.array_equal(one, augmented(x, point, TABLE, seed=np.random.SeedSequence(6)).x)
        first, second = (
            epoch_draws(SEED, epoch, point=point_of(mixup=1.0), columns=TABLE, n_updates=1, batch_size=8)
            for epoch in (1, 2)
        )
        assert not np.array_equal(first, second)


class TestImages:
    def test_a_mirrored_image_is_mirrored(self) -> None:
        x = image_rows()
        out = augmented(x, point_of(flip=1.0), IMAGE).x
        expected = x.reshape(64, 8, 6, 2)[:, :, ::-1].reshape(64, -1)
        np.testing.assert_allclose(out, expected, atol=1e-5)

    @pytest.mark.parametrize("name", ["shift", "rotate", "zoom"])
    def test_even_images_stay_as_they_are(self, name: str) -> None:
        x = np.full((20, 96), 0.7, np.float32)
        np.testing.assert_allclose(augmented(x, point_of(**{name: 0.5}), IMAGE).x, x, rtol=1e-6)

    def test_shifts_stay_within_their_bound_and_edges_go_on(self) -> None:
        ramp = np.tile(np.arange(6, dtype=np.float32)[None, :, None], (8, 1, 2)).reshape(1, -1)
        out = augmented(np.tile(ramp, (500, 1)), point_of(shift=0.25), IMAGE).x.reshape(500, 8, 6, 2)
        moved = out[:, :, 2:4] - ramp.reshape(8, 6, 2)[:, 2:4]
        assert np.abs(moved).max() <= 0.25 * 6 + 1e-5
        assert np.abs(moved).max() > 1.2
        assert out.min() >= 0
        assert out.max() <= 5

    def test_a_quarter_turn(self) -> None:
        square = MatrixColumns.of_numbers(25, image=(5, 5, 1))
        x = np.random.default_rng(0).normal(size=(1, 25)).astype(np.float32)
        draws = epoch_draws(SEED, 1, point=point_of(), columns=square, n_updates=1, batch_size=1)[0]
        # x' = y, y' = 4 - x: each pixel from where a quarter turn takes it
        draws[0, [Draw.X_OF_X, Draw.X_OF_Y, Draw.X_OF_1, Draw.Y_OF_X, Draw.Y_OF_Y, Draw.Y_OF_1]] = [0, 1, 0, -1, 0, 4]
        point, words = point_of(rotate=90.0), augment_words(SEED)
        out = augment_batch(batch_of(x), draws, point=point, columns=square, words=words, step=0).x
        np.testing.assert_allclose(out.reshape(5, 5), np.rot90(x.reshape(5, 5), k=-1), atol=1e-6)

    def test_brightness_moves_all_pixels_of_an_image_alike(self) -> None:
        x = image_rows(500)
        change = augmented(x, point_of(brightness=0.5), IMAGE).x - x
        assert np.ptp(change, axis=1).max() < 1e-5
        assert 0.45 < np.abs(change).max() <= 0.5 + 1e-5

    def test_a_box_comes_from_the_partner_and_the_target_knows_its_share(self) -> None:
        x, point = image_rows(), point_of(cutmix=1.0)
        after = augmented(x, point, IMAGE)
        draws = epoch_draws(SEED, 1, point=point, columns=IMAGE, n_updates=1, batch_size=64)[0]
        partner = draws[:, Draw.PARTNER].astype(int)
        from_partner = (after.x == x[partner]) & (after.x != x)
        assert ((after.x == x) | from_partner).all()
        np.testing.assert_allclose(1 - from_partner.mean(axis=1), draws[:, Draw.TARGET_SHARE], atol=1e-6)
        assert 0.1 < from_partner.mean() < 0.6

    def test_with_mixup_each_row_gets_one_of_the_two(self) -> None:
        draws = epoch_draws(SEED, 1, point=point_of(cutmix=1.0, mixup=1.0), columns=IMAGE, n_updates=1, batch_size=400)[
            0
        ]
        cut = draws[:, Draw.SHARE] == 1
        assert 0.4 < cut.mean() < 0.6
        np.testing.assert_array_equal(draws[~cut, Draw.BOTTOM], 0)
        np.testing.assert_array_equal(draws[~cut, Draw.SHARE], draws[~cut, Draw.TARGET_SHARE])


# --- the same in a lane ----------------------------------------------------------------------------------------------

CASES = [
    (TABLE, point_of(noise=0.1, swap=0.2, mixup=0.5)),
    (TABLE, point_of(swap=1.0)),
    (IMAGE, point_of(shift=0.2, rotate=30.0, flip=0.5, zoom=0.3, brightness=0.2)),
    (IMAGE, point_of(cutmix=1.0, mixup=0.4, noise=0.1)),
]


@pytest.mark.parametrize(("columns", "point"), CASES)
def test_a_lane_augments_as_numpy_does(columns: MatrixColumns, point: Point) -> None:
    batch, words = batch_of(image_rows() if columns.image else table_rows()), augment_words(SEED)
    draws = epoch_draws(SEED, 1, point=point, columns=columns, n_updates=1, batch_size=64)[0]
    expected = augment_batch(batch, draws, point=point, columns=columns, words=words, step=3)
    found = [part.astype(np.float32) for part in (batch.x, batch.y, batch.weight)]
    augment = augmentation(point, columns, n_outputs=3, batch_size=64)
    assert augment is not None
    augment_rows(*found, augment, draws, update_key(words, 3))
    for one, two in zip((expected.x, expected.y, expected.weight), found, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=5e-5)


def test_both_hashes_give_the_same_bits() -> None:
    words = np.random.SeedSequence(1).generate_state(2)
    key = update_key(words, 12)
    np.testing.assert_array_equal(key, update_words(words, 12))
    bits = place_bits(update_words(words, 12), field=0, n_rows=40, columns=np.array([3, 3, 0]))
    np.testing.assert_array_equal([[lane_bits(key, row, column) for column in (3, 3, 0)] for row in range(40)], bits)


# --- what goes with which data ---------------------------------------------------------------------------------------


def parameters(**augment: Any) -> Parameters:
    return load_space("tabular", {f"data.augment.{name}": value for name, value in augment.items()}).parameters


def test_what_does_not_go_with_the_data_is_refused_with_all_reasons() -> None:
    given = parameters(balance={"type": "choice", "values": ["none", "smote"]}, rotate=5.0, cutmix=1.0)
    with pytest.raises(SpaceError, match=r"(?s)balance: smote makes .*a regression.*rotate, cutmix is for images"):
        check_augmentation(given, head=head_for(Task.REGRESSION), columns=TABLE)
    check_augmentation(given, head=head_for(Task.BINARY), columns=IMAGE)
    harmless = parameters(balance="none", rotate=0.0, noise=0.1, mixup=0.2)
    check_augmentation(harmless, head=head_for(Task.REGRESSION), columns=TABLE)


def test_every_augmentation_is_a_parameter_of_the_space_and_off_where_it_is_left_out() -> None:
    assert not is_augmented(Point(depth=1, width=4, augment_balance=Balance.SMOTE))
    assert set(IMAGE_ONLY) < set(AUGMENTATIONS)
    for name in AUGMENTATIONS:
        assert list(parameters(**{name: 0.5}))[-1] == f"augment_{name}"
        assert is_augmented(point_of(**{name: 0.5}))
