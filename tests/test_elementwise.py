"""The compiled functions of a lane: activations, losses and their slopes, dropout, against formulas in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.compiled import callable_part
from ffsearch.search.network.heads import Loss
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.training import activations, elementwise
from ffsearch.search.training.activations import ACTIVATIONS, slope_start
from ffsearch.search.training.elementwise import LOSSES
from ffsearch.search.training.lanes import dropout_line

Array = NDArray[Any]

activate, back_through = map(callable_part, (activations.activate, activations.back_through))
drop, exponential, field_key, losses, update_key = (
    callable_part(getattr(elementwise, name)) for name in ("drop", "exponential", "field_key", "losses", "update_key")
)


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


def test_the_exponential_is_right_to_the_last_bits() -> None:
    x = np.linspace(-87, 20, 100_001).astype(np.float32)
    np.testing.assert_allclose([exponential(value) for value in x[::50]], np.exp(x[::50].astype(float)), rtol=2e-7)
    assert exponential(np.float32(-1e30)) == pytest.approx(0, abs=1e-37)
    assert math.isnan(exponential(np.float32(np.nan)))


@pytest.mark.parametrize("activation", Activation)
class TestActivations:
    points = np.concatenate([np.linspace(-30, 30, 4001), [-1e-3, 1e-3, -80.0, 80.0]])

    def activated(self, activation: Activation, u: Array, *, apart: bool = True) -> tuple[Array, Array]:
        """f(u) and f'(u) of one row, u in memory of its own or not."""
        z, (zeros, ones) = u.astype(np.float32)[None], np.outer([0, 1], np.ones(len(u))).astype(np.float32)
        out, slope, left = np.empty_like(z) if apart else z, np.empty_like(z), ones * slope_start(activation)
        number = ACTIVATIONS.index(activation)
        activate(number, z, ones, zeros, left, out, slope)
        d = ones[None].copy()
        back_through(number, d, out, left, slope)
        return out[0], d[0]

    def test_values_are_those_of_the_formula(self, activation: Activation) -> None:
        expected = formula(activation, self.points.astype(np.float32).astype(np.float64))
        np.testing.assert_allclose(self.activated(activation, self.points)[0], expected, rtol=1e-6, atol=1e-6)

    def test_slopes_are_those_of_the_formula(self, activation: Activation) -> None:
        step = 1e-6
        expected = (formula(activation, self.points + step) - formula(activation, self.points - step)) / (2 * step)
        smooth = np.abs(self.points) > 1e-5
        found = self.activated(activation, self.points)[1]
        np.testing.assert_allclose(found[smooth], expected[smooth], rtol=1e-4, atol=1e-5)

    def test_memory_of_its_own_or_not_is_the_same(self, activation: Activation) -> None:
        for apart, alike in zip(
            self.activated(activation, self.points), self.activated(activation, self.points, apart=False), strict=True
        ):
            np.testing.assert_array_equal(apart, alike)

    def test_what_is_no_number_stays_none(self, activation: Activation) -> None:
        """A network that diverged has to say so."""
        value, _ = self.activated(activation, np.full(40, np.nan))
        assert np.isnan(value).all()


def lossy(loss: Loss, logits: Array, y: Array) -> tuple[Array, Array]:
    """Losses of rows, and their gradients."""
    gradient, rows = logits.astype(np.float32), np.empty(len(logits), np.float32)
    losses(LOSSES.index(loss), gradient, y.astype(np.float32), rows)
    return rows, gradient


class TestLosses:
    @pytest.mark.parametrize("loss", Loss)
    def test_gradients_are_the_slopes_of_the_losses(self, loss: Loss) -> None:
        generator = np.random.default_rng(0)
        logits = 3 * generator.standard_normal((50, 3))
        y: Any = generator.random((50, 3)) > 0.5
        if loss is Loss.CATEGORICAL_CROSSENTROPY:
            y = np.eye(3)[generator.integers(0, 3, 50)]
        _, gradient = lossy(loss, logits, y)
        step = 1e-2
        for output in range(3):
            moved = np.eye(3)[output] * step
            difference = (lossy(loss, logits + moved, y)[0] - lossy(loss, logits - moved, y)[0]) / (2 * step)
            np.testing.assert_allclose(gradient[:, output], difference, rtol=2e-2, atol=3e-3)

    def test_extreme_logits_stay_finite(self) -> None:
        rows, gradient = lossy(Loss.BINARY_CROSSENTROPY, np.array([[1e4], [-1e4]]), np.array([[0.0], [1.0]]))
        np.testing.assert_allclose(rows, [1e4, 1e4])
        np.testing.assert_allclose(gradient, [[1.0], [-1.0]])
        rows, _ = lossy(Loss.CATEGORICAL_CROSSENTROPY, np.array([[1e4, -1e4]]), np.array([[0.0, 1.0]]))
        np.testing.assert_allclose(rows, [2e4])

    @pytest.mark.parametrize("loss", Loss)
    def test_what_is_no_number_stays_none(self, loss: Loss) -> None:
        rows, _ = lossy(loss, np.full((3, 2), np.nan), np.array([[0.0, 1.0]] * 3))
        assert np.isnan(rows).all()


def dropped(
    *,
    rate: float,
    activation: Activation = Activation.RELU,
    width: int = 100,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
    values: Array | None = None,
) -> Array:
    """Ones, or these values, after dropout."""
    a = np.ones((1000, width), np.float32) if values is None else values.copy()
    gain, shift, low = map(np.float32, dropout_line(Point(depth=1, width=width, activation=activation, dropout=rate)))
    words = np.random.SeedSequence(seed).generate_state(2)
    key = field_key(update_key(words, step), layer)
    drop(a, np.empty_like(a), key, np.uint32(rate * 2**32), gain, shift, low)
    return a


class TestDropout:
    @pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
    def test_it_drops_the_share_it_should_and_scales_the_rest(self, rate: float) -> None:
        out = dropped(rate=rate)
        kept = out > 0
        assert kept.mean() == pytest.approx(1 - rate, abs=4 * math.sqrt(rate * (1 - rate) / out.size))
        np.testing.assert_allclose(out[kept], 1 / (1 - rate), rtol=1e-6)

    def test_rows_and_units_are_dropped_independently(self) -> None:
        kept = (dropped(rate=0.5) > 0).astype(np.float64)
        for counts in (kept.sum(axis=0) / 1000, kept.sum(axis=1) / 100):
            n = kept.size / len(counts)
            assert np.std(counts) == pytest.approx(0.5 / math.sqrt(n), rel=0.25)
        for one, two in ((kept[1:], kept[:-1]), (kept[:, 1:], kept[:, :-1])):
            assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.015

    @pytest.mark.parametrize("change", [{"seed": 1}, {"step": 1}, {"layer": 1}])
    def test_seeds_updates_and_layers_are_unrelated(self, change: dict[str, int]) -> None:
        one = dropped(rate=0.5).ravel() > 0
        two = dropped(rate=0.5, **change).ravel() > 0  # type: ignore[arg-type]  # one of the integers
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.015

    def test_the_width_of_the_network_does_not_move_its_dropout(self) -> None:
        np.testing.assert_array_equal(dropped(rate=0.4, width=64), dropped(rate=0.4, width=128)[:, :64])

    def test_selu_keeps_mean_and_variance(self) -> None:
        values = np.random.default_rng(0).standard_normal((20_000, 16)).astype(np.float32)
        out = dropped(rate=0.3, activation=Activation.SELU, values=values)
        assert out.mean() == pytest.approx(0, abs=0.02)
        assert out.std() == pytest.approx(1, abs=0.02)
