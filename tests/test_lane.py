"""The lane's functions against NumPy, its hand-written gradients against differences, and what padding must not do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from ffsearch.search import defaults
from ffsearch.search.heads import Loss
from ffsearch.search.topology import Activation, Point
from ffsearch.search.training import lane
from ffsearch.search.training.families import family_of
from ffsearch.search.training.lane_functions import (
    ACTIVATIONS,
    LOSSES,
    ActivationForm,
    activate,
    activation_form,
    drop,
    dropout_form,
    slope_start,
    update_key,
)
from ffsearch.search.training.slots import packed, unpacked

Array = NDArray[Any]


def formula(activation: Activation, u: Array) -> Array:
    """DESIGN section 5, in float64."""
    e = np.exp(np.minimum(u, 0))
    return {
        Activation.RELU: np.maximum(0, u),
        Activation.LEAKY_RELU: np.maximum(0.01 * u, u),
        Activation.PRELU: np.maximum(0.25 * u, u),
        Activation.ELU: np.where(u > 0, u, e - 1),
        Activation.SELU: 1.0507009873554805 * np.where(u > 0, u, 1.6732632423543772 * (e - 1)),
        Activation.SWISH: u / (1 + np.exp(-u)),
        Activation.TANH: np.tanh(u),
        Activation.SOFTSIGN: u / (1 + np.abs(u)),
    }[activation]


@pytest.mark.parametrize("alone", [True, False], ids=["of one family", "among all"])
class TestActivations:
    points = np.concatenate([np.linspace(-30, 30, 4001), [-1e-3, 1e-3, -80.0, 80.0]])

    def form(self, activation: Activation, *, alone: bool) -> ActivationForm:
        family = family_of(activation) if alone else None
        return activation_form(tf.constant([ACTIVATIONS.index(activation)]), family=family)

    def activated(self, activation: Activation, *, alone: bool) -> tuple[Array, Array]:
        u = tf.constant(self.points[None, :, None], tf.float32)
        left = tf.fill((1, 1, 1), slope_start(activation))
        y, slope = activate(u, left, self.form(activation, alone=alone))
        return y.numpy().ravel(), slope.numpy().ravel()

    @pytest.mark.parametrize("activation", Activation)
    def test_values_are_those_of_the_formula(self, activation: Activation, *, alone: bool) -> None:
        expected = formula(activation, self.points.astype(np.float32).astype(np.float64))
        np.testing.assert_allclose(self.activated(activation, alone=alone)[0], expected, rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("activation", Activation)
    def test_slopes_are_those_of_the_formula(self, activation: Activation, *, alone: bool) -> None:
        step = 1e-6
        expected = (formula(activation, self.points + step) - formula(activation, self.points - step)) / (2 * step)
        smooth = np.abs(self.points) > 1e-5
        np.testing.assert_allclose(
            self.activated(activation, alone=alone)[1][smooth], expected[smooth], rtol=1e-4, atol=1e-5
        )

    @pytest.mark.parametrize("activation", Activation)
    def test_padding_stays_zero(self, activation: Activation, *, alone: bool) -> None:
        y, _ = activate(tf.zeros((1, 1, 1)), tf.ones((1, 1, 1)), self.form(activation, alone=alone))
        assert y.numpy().item() == 0


class TestLosses:
    @pytest.mark.parametrize("loss", Loss)
    def test_gradients_are_the_slopes_of_the_losses(self, loss: Loss) -> None:
        generator = np.random.default_rng(0)
        logits = tf.constant(3 * generator.standard_normal((2, 50, 3)), tf.float64)
        y: Any = tf.constant(generator.random((2, 50, 3)) > 0.5, tf.float64)
        if loss is Loss.CATEGORICAL_CROSSENTROPY:
            y = tf.constant(generator.integers(0, 3, (2, 50)), tf.int32)
            logits = tf.cast(logits, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            rows, slope = LOSSES[loss](logits, y)
            total = tf.reduce_sum(rows)
        np.testing.assert_allclose(slope, tape.gradient(total, logits), rtol=1e-5, atol=1e-6)

    def test_extreme_logits_stay_finite(self) -> None:
        rows, slope = LOSSES[Loss.BINARY_CROSSENTROPY](tf.constant([[[1e4], [-1e4]]]), tf.constant([[[0.0], [1.0]]]))
        np.testing.assert_allclose(rows, [[1e4, 1e4]])
        np.testing.assert_allclose(slope, [[[1.0], [-1.0]]])


def dropped(
    *,
    rate: float,
    activation: Activation = Activation.RELU,
    width: int = 100,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
) -> Array:
    """Ones after dropout, shape (1000, 128), of which `width` units are real."""
    widths = tf.constant([[width] * (layer + 1)])
    form = dropout_form(
        tf.constant([rate]),
        activation=tf.constant([ACTIVATIONS.index(activation)]),
        widths=widths,
        units=[128] * (layer + 1),
    )
    words = np.random.SeedSequence(seed).generate_state(2)
    key = update_key(tf.constant(words[None]), tf.constant([step]))
    a = tf.cast(tf.range(128) < width, tf.float32) * tf.ones((1, 1000, 1))
    return np.asarray(drop(a, form, layer=layer, key=key)[0])[0]


class TestDropout:
    @pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
    def test_it_drops_the_share_it_should_and_scales_the_rest(self, rate: float) -> None:
        out = dropped(rate=rate)[:, :100]
        kept = out > 0
        assert kept.mean() == pytest.approx(1 - rate, abs=4 * math.sqrt(rate * (1 - rate) / out.size))
        np.testing.assert_allclose(out[kept], 1 / (1 - rate), rtol=1e-6)

    def test_rate_zero_changes_nothing(self) -> None:
        np.testing.assert_array_equal(dropped(rate=0.0)[:, :100], 1)

    def test_rows_and_units_are_dropped_independently(self) -> None:
        kept = (dropped(rate=0.5)[:, :100] > 0).astype(np.float64)
        for counts in (kept.sum(axis=0) / 1000, kept.sum(axis=1) / 100):
            n = kept.size / len(counts)
            assert np.std(counts) == pytest.approx(0.5 / math.sqrt(n), rel=0.25)
        for one, two in ((kept[1:], kept[:-1]), (kept[:, 1:], kept[:, :-1])):
            assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.015

    @pytest.mark.parametrize("change", [{"seed": 1}, {"step": 1}, {"layer": 1}])
    def test_seeds_updates_and_layers_are_unrelated(self, change: dict[str, int]) -> None:
        one = dropped(rate=0.5)[:, :100].ravel() > 0
        two = dropped(rate=0.5, **change)[:, :100].ravel() > 0  # type: ignore[arg-type]  # one of the integers
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.015

    def test_the_width_of_the_network_does_not_move_its_dropout(self) -> None:
        np.testing.assert_array_equal(dropped(rate=0.4, width=64)[:, :64], dropped(rate=0.4, width=128)[:, :64])

    def test_selu_keeps_mean_and_variance(self) -> None:
        values = np.random.default_rng(0).standard_normal((1, 20_000, 16)).astype(np.float32)
        form = dropout_form(
            tf.constant([0.3]),
            activation=tf.constant([ACTIVATIONS.index(Activation.SELU)]),
            widths=tf.constant([[16]]),
            units=[16],
        )
        key = update_key(tf.constant([[1, 2]], tf.uint32), tf.constant([0]))
        out = np.asarray(drop(tf.constant(values), form, layer=0, key=key)[0])
        assert out.mean() == pytest.approx(0, abs=0.02)
        assert out.std() == pytest.approx(1, abs=0.02)

    def test_selu_leaves_padding_at_zero(self) -> None:
        out = dropped(rate=0.5, activation=Activation.SELU, width=50)
        np.testing.assert_array_equal(out[:, 50:], 0)
        assert (out[:, :50] < 0).any()


class TestPacking:
    @pytest.mark.parametrize("batch_norm", [False, True])
    @pytest.mark.parametrize("activation", [Activation.RELU, Activation.PRELU])
    def test_weights_come_back_as_they_went(self, activation: Activation, batch_norm: bool) -> None:  # noqa: FBT001
        point = Point(depth=2, width=8, widths=(8, 5), activation=activation, batch_norm=batch_norm)
        generator = np.random.default_rng(0)
        hidden = [(1,)] * (4 * batch_norm + (activation is Activation.PRELU) + 1)
        shapes = [(3, 8), *[(8,)] * len(hidden), (8, 5), *[(5,)] * len(hidden), (5, 2), (2,)]
        weights = [generator.standard_normal(shape).astype(np.float32) for shape in shapes]
        kernels, vectors, moving = packed(point, weights)
        padded = [[np.pad(row, [(0, 0), (0, 3)]) for row in rows] for rows in (vectors[:-1], moving)]
        again = unpacked(point, kernels, [*padded[0], vectors[-1]], padded[1])
        assert [w.shape for w in again] == shapes
        for one, two in zip(weights, again, strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_row_of_vectors_for_each_thing_a_unit_learns() -> None:
    assert (lane.BIAS, lane.SCALE, lane.SHIFT, lane.SLOPE) == (0, 1, 2, 3)
    assert slope_start(Activation.PRELU) == defaults.PRELU_START
